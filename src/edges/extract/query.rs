//! Query parameters, read strictly: each once, none unknown.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::fault;
use crate::domain::problem::Problem;
use crate::edges::problem::invalid;

/// The parameters of a query.
pub struct StrictQuery<T>(pub T);

impl<S, T> FromRequestParts<S> for StrictQuery<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Query::<T>::try_from_uri(&parts.uri)
            .map(|Query(query)| Self(query))
            .map_err(|refused| fault::in_parameters(&refused.body_text()))
    }
}

/// What a list takes when nobody says.
const USUAL: u32 = 100;

/// A `limit` of 1 to `most`.
///
/// # Errors
/// When it is neither.
pub(in crate::edges) fn limit(said: Option<u32>, most: u32) -> Result<u32, Problem> {
    let limit = said.unwrap_or(USUAL);
    if (1..=most).contains(&limit) { Ok(limit) } else { Err(invalid("limit", &format!("give 1 to {most}"))) }
}
