//! A struct is read from an object and from nothing else, however deep it stands.
//!
//! A derived `Deserialize` also takes a list and gives its elements to the fields in the order of their declaration. Nobody means
//! that, and a reader of the document sees no names. [`Objects`] stands between a deserializer and the type, and asks for an
//! object where the type asks for a struct.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// Goes along with whatever takes part in reading: the deserializer, the visitor, a seed, what gives the elements.
pub(super) struct Objects<T>(pub(super) T);

macro_rules! asked_for {
    ($($method:ident($($name:ident: $kind:ty),*))+) => {
        $(fn $method<V: Visitor<'de>>(self, $($name: $kind,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method($($name,)* Objects(visitor))
        })+
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Objects<D> {
    type Error = D::Error;

    asked_for! {
        deserialize_any() deserialize_bool() deserialize_char() deserialize_str() deserialize_string()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64() deserialize_bytes() deserialize_byte_buf() deserialize_option()
        deserialize_unit() deserialize_seq() deserialize_map() deserialize_identifier() deserialize_ignored_any()
        deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_tuple(length: usize)
        deserialize_tuple_struct(name: &'static str, length: usize)
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Objects(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! passed_on {
    ($($method:ident($kind:ty))+) => {
        $(fn $method<E: Error>(self, value: $kind) -> Result<V::Value, E> {
            self.0.$method(value)
        })+
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Objects<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    passed_on! {
        visit_bool(bool) visit_char(char) visit_str(&str) visit_borrowed_str(&'de str) visit_string(String)
        visit_i8(i8) visit_i16(i16) visit_i32(i32) visit_i64(i64) visit_i128(i128)
        visit_u8(u8) visit_u16(u16) visit_u32(u32) visit_u64(u64) visit_u128(u128)
        visit_f32(f32) visit_f64(f64) visit_bytes(&[u8]) visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Objects(deserializer))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Objects(deserializer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Objects(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Objects(object))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, choice: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Objects(choice))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Objects<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Objects(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Objects<A> {
    type Error = A::Error;
    type Variant = Objects<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        self.0.variant_seed(seed).map(|(value, variant)| (value, Objects(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Objects(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(length, Objects(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.newtype_variant_seed(Fields(visitor))
    }
}

/// The fields of a variant, read from an object.
struct Fields<V>(V);

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Fields<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        deserializer.deserialize_map(Objects(self.0))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::{Strategy, any, prop_oneof, proptest};
    use serde::{Deserialize, Serialize};
    use serde_json::Value;

    use super::Objects;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Point {
        x: i64,
        y: Option<String>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Shape {
        Nothing,
        Wrapped(Point),
        Pair(u8, Point),
        Named { at: Point, free: Value },
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Whole {
        shapes: Vec<Shape>,
        named: BTreeMap<String, Point>,
        pair: (bool, Point),
    }

    fn read(value: &Value) -> Result<Whole, serde_json::Error> {
        let text = value.to_string();
        Whole::deserialize(Objects(&mut serde_json::Deserializer::from_str(&text)))
    }

    /// Each document in which one object stands as the list of its members' values. What is under `free` may be anything.
    fn listed(value: &Value) -> Vec<Value> {
        let mut found = Vec::new();
        if let Value::Array(list) = value {
            for at in 0..list.len() {
                found.extend(listed(&list[at]).into_iter().map(|with| {
                    let mut list = list.clone();
                    list[at] = with;
                    Value::Array(list)
                }));
            }
        } else if let Value::Object(object) = value {
            found.push(Value::Array(object.values().cloned().collect()));
            for (name, value) in object.iter().filter(|(name, _)| *name != "free") {
                found.extend(listed(value).into_iter().map(|with| {
                    let mut object = object.clone();
                    object.insert(name.clone(), with);
                    Value::Object(object)
                }));
            }
        }
        found
    }

    fn point() -> impl Strategy<Value = Point> {
        (any::<i64>(), any::<Option<String>>()).prop_map(|(x, y)| Point { x, y })
    }

    fn whole() -> impl Strategy<Value = Whole> {
        let shape = prop_oneof![
            any::<bool>().prop_map(|_| Shape::Nothing),
            point().prop_map(Shape::Wrapped),
            (any::<u8>(), point()).prop_map(|(n, at)| Shape::Pair(n, at)),
            point().prop_map(|at| Shape::Named { at, free: serde_json::json!([{"a": [1]}]) }),
        ];
        let shapes = proptest::collection::vec(shape, 0..4);
        let named = proptest::collection::btree_map("[a-c]", point(), 0..3);
        (shapes, named, any::<bool>(), point()).prop_map(|(shapes, named, first, second)| Whole {
            shapes,
            named,
            pair: (first, second),
        })
    }

    proptest! {
        #[test]
        fn what_is_written_with_names_is_read_and_any_object_without_is_refused(whole in whole()) {
            let document = serde_json::to_value(&whole).unwrap();
            assert_eq!(read(&document).unwrap(), whole);
            for document in listed(&document) {
                assert!(read(&document).is_err(), "{document}");
            }
        }
    }
}
