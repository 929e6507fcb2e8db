//! JSON in which a name occurs once. `serde_json::Value` keeps the last of two equal names, so a reader that takes the
//! first would see another document (I13); here the second one is an error.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::error::ScopeError;

/// Reads one JSON value from text.
pub(super) fn value(text: &[u8]) -> Result<Value, ScopeError> {
    let remedy = "send one JSON object in which each name occurs once";
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = deserialize(&mut reader).map_err(|_| ScopeError::new("", remedy))?;
    reader.end().map_err(|_| ScopeError::new("", remedy))?;
    Ok(value)
}

/// Reads one value from any self-describing format.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Strict(Once).deserialize(deserializer)
}

/// What is refused beyond what is no JSON.
pub(super) trait Rules: Copy {
    /// One more value begins.
    fn value<E: Error>(self) -> Result<(), E>;

    /// The name as what it is told from others by.
    fn told_by(self, name: &str) -> String;

    /// A name occurs twice in one object.
    fn twice<E: Error>(self) -> E;
}

/// Names are told apart byte by byte, and there may be as many values as fit.
#[derive(Clone, Copy)]
struct Once;

impl Rules for Once {
    fn value<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn told_by(self, name: &str) -> String {
        name.to_owned()
    }

    fn twice<E: Error>(self) -> E {
        E::custom("a name occurs twice in one object")
    }
}

/// Reads one value under these rules.
#[derive(Clone, Copy)]
pub(super) struct Strict<R>(pub(super) R);

impl<'de, R: Rules> DeserializeSeed<'de> for Strict<R> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.0.value()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de, R: Rules> Visitor<'de> for Strict<R> {
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

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
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
            if !seen.insert(self.0.told_by(&name)) {
                return Err(self.0.twice());
            }
            let value = entries.next_value_seed(self)?;
            drop(map.insert(name, value));
        }
        Ok(Value::Object(map))
    }
}
