//! A form body, read strictly: every parameter once, none unknown (RFC 6749 §3.2: "MUST NOT be included more than once";
//! of parameters nobody knows Exeat thinks I13 and refuses).

use axum::extract::{FromRequest, Request};
use axum::http::Method;
use serde::de::DeserializeOwned;

use super::fault;
use super::json::{LONGEST, expect_content_type, read};
use crate::domain::problem::Problem;
use crate::edges::problem::invalid;

/// The parameters of an `application/x-www-form-urlencoded` body.
pub struct StrictForm<T>(pub T);

impl<S, T> FromRequest<S> for StrictForm<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        expect_content_type(request.headers(), "application/x-www-form-urlencoded")?;
        let (parts, body) = request.into_parts();
        // Elsewhere a form is read from the query; here a token never stands in a URL (RFC 6749 §3.2).
        if parts.uri.query().is_some() || parts.method != Method::POST {
            return Err(invalid("query", "parameters belong in the body"));
        }
        let bytes = read(body, LONGEST).await?;
        let request = Request::from_parts(parts, bytes.into());
        axum::Form::<T>::from_request(request, state)
            .await
            .map(|axum::Form(form)| Self(form))
            .map_err(|refused| fault::in_parameters(&refused.body_text()))
    }
}
