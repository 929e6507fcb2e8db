//! The `Idempotency-Key` of a request that makes something (draft-ietf-httpapi-idempotency-key-header).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::domain::problem::Problem;
use crate::edges::problem::invalid;

const NAME: &str = "idempotency-key";

/// The key, if one was sent: 1 to 255 visible ASCII characters.
pub struct IdempotencyKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(NAME).iter();
        let Some(first) = values.next() else { return Ok(Self(None)) };
        let visible = first.as_bytes().iter().all(u8::is_ascii_graphic);
        match first.to_str() {
            Ok(key) if visible && (1..=255).contains(&key.len()) && values.next().is_none() => {
                Ok(Self(Some(key.to_owned())))
            }
            _ => Err(invalid(NAME, "expected one of 1 to 255 visible ASCII characters")),
        }
    }
}
