//! A JSON body, read strictly: one content type, one value, no name twice, nothing unknown, bounded in length and depth
//! (RFC 8259, RFC 7493 §2.3).

use std::collections::HashSet;
use std::fmt;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroize;

use super::fault;
use super::objects::Objects;
use crate::domain::problem::{Problem, ProblemKind};
use crate::edges::problem::invalid;

/// The longest body where nothing else is said, in bytes.
pub(super) const LONGEST: usize = 64 * 1024;
/// The deepest nesting of lists and objects.
const DEEPEST: usize = 16;

/// A body of at most `MAX` bytes.
pub struct StrictJson<T, const MAX: usize = LONGEST>(pub T);

impl<S, T, const MAX: usize> FromRequest<S> for StrictJson<T, MAX>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        expect_content_type(request.headers(), "application/json")?;
        let bytes = read(request.into_body(), MAX).await?;
        let parsed = parse(&bytes);
        wipe(bytes);
        parsed.map(Self)
    }
}

/// Reads a body to its end.
///
/// # Errors
/// When it is longer than `max` bytes or breaks off.
pub(super) async fn read(body: Body, max: usize) -> Result<Bytes, Problem> {
    to_bytes(body, max).await.map_err(|error| {
        let source = std::error::Error::source(&error);
        if source.is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>) {
            Problem::new(ProblemKind::BodyTooLong, format!("Send at most {max} bytes."))
        } else {
            invalid("body", "broke off")
        }
    })
}

/// Refuses any other content type, and more than one.
///
/// # Errors
/// When the header is missing, doubled, or names something else.
pub(super) fn expect_content_type(headers: &HeaderMap, expected: &str) -> Result<(), Problem> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let essence = |text: &str| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let first = values.next().and_then(|value| value.to_str().ok()).map(essence);
    if first.as_deref() == Some(expected) && values.next().is_none() {
        return Ok(());
    }
    Err(invalid("content-type", &format!("expected `{expected}`")))
}

/// A body may carry a secret: the buffer is wiped where nobody else holds it.
pub(super) fn wipe(bytes: Bytes) {
    if let Ok(mut bytes) = bytes.try_into_mut() {
        bytes.as_mut().zeroize();
    }
}

/// A JSON list inside a form parameter (RFC 9396 §2), read as strictly as a body.
///
/// # Errors
/// When it is not one.
pub(in crate::edges) fn json_list(parameter: &str, text: &str) -> Result<Vec<serde_json::Value>, Problem> {
    parse(text.as_bytes()).map_err(|problem| invalid(parameter, &problem.detail))
}

/// A JSON value that stands at `pointer` in a body, read as strictly as a body.
///
/// # Errors
/// When it is not what is expected there; the field is named with the pointer.
pub(in crate::edges) fn json_at<T: DeserializeOwned>(
    pointer: &str,
    value: &serde_json::Value,
) -> Result<T, Problem> {
    parse(value.to_string().as_bytes()).map_err(|problem| {
        let field = problem.more.get("field").and_then(serde_json::Value::as_str).unwrap_or_default();
        let field = if field.starts_with('/') { field } else { "" };
        invalid(&format!("{pointer}{field}"), "not what is expected here")
    })
}

pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut shape = serde_json::Deserializer::from_slice(bytes);
    let mut track = serde_path_to_error::Track::new();
    let told = Shape { depth: 0 }.deserialize(serde_path_to_error::Deserializer::new(&mut shape, &mut track));
    told.and_then(|()| shape.end()).map_err(|error| fault::in_json(&track.path(), &error.to_string()))?;
    let mut typed = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(Objects(&mut typed))
        .map_err(|error| fault::in_json(error.path(), &error.inner().to_string()))
}

/// Walks a value without keeping it: how deep it is, and whether an object says a name twice. A derived `Deserialize` sees neither
/// inside a free-form member.
#[derive(Clone, Copy)]
struct Shape {
    depth: usize,
}

impl Shape {
    fn inside<E: Error>(self) -> Result<Self, E> {
        if self.depth == DEEPEST {
            return Err(E::custom(format!("nested deeper than {DEEPEST}")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Shape {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shape {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        while list.next_element_seed(inside)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        let mut names = HashSet::new();
        while let Some(name) = object.next_key::<String>()? {
            if names.contains(&name) {
                return Err(A::Error::custom(format!("duplicate field `{name}`")));
            }
            names.insert(name);
            object.next_value_seed(inside)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::parse;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[serde(default)]
        count: u32,
        #[serde(default)]
        items: Vec<Value>,
    }

    fn refused(text: &str) -> (String, String) {
        let problem = parse::<Body>(text.as_bytes()).unwrap_err();
        (problem.more["field"].as_str().unwrap().to_owned(), problem.detail)
    }

    #[test]
    fn what_is_well_formed_is_read() {
        let body: Body = parse(br#"{"count":3,"items":[{"a":[1,2.5,null,true,"x"]}]}"#).unwrap();
        assert_eq!((body.count, body.items.len()), (3, 1));
    }

    #[test]
    fn every_refusal_names_the_field() {
        let deep = format!(r#"{{"items":[{}1{}]}}"#, "[".repeat(20), "]".repeat(20));
        let cases = [
            (r#"{"count":"three"}"#, "/count", "expected u32"),
            (r#"{"count":-1}"#, "/count", "expected u32"),
            (r#"{"count":1e400}"#, "/count", "number out of range"),
            (r#"{"colour":1}"#, "/colour", "not a field"),
            (r#"{"count":1,"count":2}"#, "/count", "said twice"),
            (r#"{"items":[{"b":{"a":1,"a":2}}]}"#, "/items/0/b/a", "said twice"),
            (r#"{"count":1} x"#, "body", "trailing characters"),
            (r#"{"count":1"#, "body", "EOF"),
            ("[]", "body", "expected"),
            ("", "body", "EOF"),
        ];
        for (text, field, what) in cases {
            let (named, detail) = refused(text);
            assert!(named == field && detail.contains(what), "{text}: {named}: {detail}");
        }
        let (field, detail) = refused(&deep);
        assert!(field.starts_with("/items/0") && detail.contains("nested deeper"), "{field}: {detail}");
    }
}
