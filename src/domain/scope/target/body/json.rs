//! JSON that every reader takes for the same: one value, each name once whatever its case, not too deep, not too much.

use std::cell::Cell;

use serde::de::{DeserializeSeed as _, Error};
use serde_json::Value;

use super::BodyFault;
use crate::domain::scope::strict::{Rules, Strict};

/// The most values of one body. A value takes some tens of bytes of memory, however short it is written.
const MAX_VALUES: usize = 100_000;

/// Reads one value from the whole of `text`. More than 127 levels are refused by the reader itself.
pub(super) fn read(text: &str) -> Result<Value, BodyFault> {
    let fault = Cell::new(None);
    let left = Cell::new(MAX_VALUES);
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict(OneReading { fault: &fault, left: &left }).deserialize(&mut reader);
    let value = value.map_err(|_| fault.get().unwrap_or(BodyFault::Json))?;
    reader.end().map_err(|_| BodyFault::Json)?;
    Ok(value)
}

/// A name as readers see it that do not mind case: Go's takes `ſ` for `S` and the Kelvin sign for `k`.
pub(super) fn folded(name: &str) -> String {
    name.to_uppercase().to_lowercase()
}

/// Names that readers could take for each other are the same, and there is room for so many values.
#[derive(Clone, Copy)]
struct OneReading<'a> {
    fault: &'a Cell<Option<BodyFault>>,
    left: &'a Cell<usize>,
}

impl OneReading<'_> {
    fn refuse<E: Error>(self, fault: BodyFault) -> E {
        self.fault.set(Some(fault));
        E::custom(fault)
    }
}

impl Rules for OneReading<'_> {
    fn value<E: Error>(self) -> Result<(), E> {
        let left = self.left.get().checked_sub(1).ok_or_else(|| self.refuse(BodyFault::TooMany))?;
        self.left.set(left);
        Ok(())
    }

    fn told_by(self, name: &str) -> String {
        folded(name)
    }

    fn twice<E: Error>(self) -> E {
        self.refuse(BodyFault::RepeatedName)
    }
}
