//! JSON that every reader takes for the same: one value, each name once whatever its case, not too deep, not too much.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::BodyFault;

/// The most values of one body. A value takes some tens of bytes of memory, however short it is written.
const MAX_VALUES: usize = 100_000;

/// Reads one value from the whole of `text`. More than 127 levels are refused by the reader itself.
pub(super) fn read(text: &str) -> Result<Value, BodyFault> {
    let fault = Cell::new(None);
    let left = Cell::new(MAX_VALUES);
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict { fault: &fault, left: &left }.deserialize(&mut reader);
    let value = value.map_err(|_| fault.get().unwrap_or(BodyFault::Json))?;
    reader.end().map_err(|_| BodyFault::Json)?;
    Ok(value)
}

/// A name as readers see it that do not mind case: Go's takes `ſ` for `S` and the Kelvin sign for `k`.
pub(super) fn folded(name: &str) -> String {
    name.to_uppercase().to_lowercase()
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    fault: &'a Cell<Option<BodyFault>>,
    left: &'a Cell<usize>,
}

impl Strict<'_> {
    fn refuse<E: Error>(self, fault: BodyFault) -> E {
        self.fault.set(Some(fault));
        E::custom(fault)
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.left.get().checked_sub(1).ok_or_else(|| self.refuse(BodyFault::TooMany))?;
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON in which each name occurs once")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("expected a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(self)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let (mut map, mut seen) = (Map::new(), HashSet::new());
        while let Some(name) = entries.next_key::<String>()? {
            if !seen.insert(folded(&name)) {
                return Err(self.refuse(BodyFault::RepeatedName));
            }
            let value = entries.next_value_seed(self)?;
            drop(map.insert(name, value));
        }
        Ok(Value::Object(map))
    }
}
