//! CBOR (RFC 8949) in the form that authenticators write: the "CTAP2 canonical CBOR encoding form".
//!
//! Definite lengths, no tags, no floating-point numbers, four levels at most. `None` is all that is said of anything else.

use std::collections::BTreeSet;

use minicbor::Decoder;
use minicbor::data::Type;

/// How deep maps and arrays may stand in each other.
pub(super) const LEVELS: u8 = 4;

/// How many pairs follow, if a map does.
pub(super) fn map(reader: &mut Decoder<'_>) -> Option<u64> {
    reader.map().ok()?
}

/// Reads over one value. No length is believed before that much was read, so the work is bounded by what is there.
pub(super) fn skip(reader: &mut Decoder<'_>, levels: u8) -> Option<()> {
    match reader.datatype().ok()? {
        Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::I8
        | Type::I16
        | Type::I32
        | Type::I64
        | Type::Int => reader.int().ok().map(drop),
        Type::Bytes => reader.bytes().ok().map(drop),
        Type::String => reader.str().ok().map(drop),
        Type::Bool => reader.bool().ok().map(drop),
        Type::Null => reader.null().ok(),
        Type::Array => {
            let below = levels.checked_sub(1)?;
            let values = reader.array().ok()??;
            (0..values).try_for_each(|_| skip(reader, below))
        }
        Type::Map => {
            let below = levels.checked_sub(1)?;
            let pairs = map(reader)?;
            (0..pairs).try_for_each(|_| {
                skip(reader, 0)?;
                skip(reader, below)
            })
        }
        _ => None,
    }
}

/// Reads over one map whose names are texts, each there once.
pub(super) fn skip_named(reader: &mut Decoder<'_>) -> Option<()> {
    let mut names = BTreeSet::new();
    let pairs = map(reader)?;
    (0..pairs).try_for_each(|_| {
        let new = names.insert(reader.str().ok()?);
        skip(reader, LEVELS - 1).filter(|()| new)
    })
}

/// The integer under `label`, if that comes next.
pub(super) fn integer(reader: &mut Decoder<'_>, label: i64) -> Option<i64> {
    labelled(reader, label)?;
    reader.i64().ok()
}

/// The bytes under `label`, if that comes next.
pub(super) fn bytes<'a>(reader: &mut Decoder<'a>, label: i64) -> Option<&'a [u8]> {
    labelled(reader, label)?;
    reader.bytes().ok()
}

fn labelled(reader: &mut Decoder<'_>, label: i64) -> Option<()> {
    (reader.i64().ok()? == label).then_some(())
}
