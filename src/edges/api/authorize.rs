//! The question of a layer: may this request be made? A yes has the use on record before it is said (I2); with the credential in its
//! header field, if the layer may have it.

use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::broker::LayerAnswer;
use crate::domain::layer::{Layer, LayerForm};
use crate::domain::problem::Problem;
use crate::edges::caller::LayerCaller;
use crate::edges::problem::as_response;
use crate::edges::state::Edge;
use crate::planes::network::forward_auth::Original;

/// The use, or the refusal, that the answer is about.
const USE: HeaderName = HeaderName::from_static("exeat-use");
/// The whole problem in one header: nginx passes on nothing else of a refusal.
const PROBLEM: HeaderName = HeaderName::from_static("exeat-problem");

/// Decides about the request that the headers describe, in the form of nginx, Traefik or Caddy.
#[utoipa::path(get, path = "/v1/authorize", tag = "layers",
    responses((status = 200, description = "It may be made. `Exeat-Use` names its use; the slot's own header carries the credential"),
        (status = 401, description = "The client is to show its token"), (status = 403, description = "It is refused")))]
pub(super) async fn described(
    LayerCaller(layer): LayerCaller,
    State(edge): State<Edge>,
    parts: Parts,
) -> Response {
    decided(&edge, &layer, parts).await
}

/// Decides about the request behind the prefix, in the form of Envoy: with its own method.
#[utoipa::path(method(get, head, post, put, patch, delete, options), path = "/v1/authorize/{*path}", tag = "layers",
    params(("path" = String, Path)),
    responses((status = 200, description = "As `GET /v1/authorize`"), (status = 403, description = "It is refused")))]
pub(super) async fn behind(
    LayerCaller(layer): LayerCaller,
    State(edge): State<Edge>,
    parts: Parts,
) -> Response {
    decided(&edge, &layer, parts).await
}

/// The same for the root of the upstream.
#[utoipa::path(method(get, head, post, put, patch, delete, options), path = "/v1/authorize/", tag = "layers",
    responses((status = 200, description = "As `GET /v1/authorize`"), (status = 403, description = "It is refused")))]
pub(super) async fn root(
    LayerCaller(layer): LayerCaller,
    State(edge): State<Edge>,
    parts: Parts,
) -> Response {
    decided(&edge, &layer, parts).await
}

async fn decided(edge: &Edge, layer: &Layer, parts: Parts) -> Response {
    let original = Original::read(layer.form, (&parts.method, &parts.uri), parts.headers);
    match edge.broker().ask(layer, original).await {
        Ok(answer) => allowed(answer),
        Err(problem) => refused(layer.form, problem),
    }
}

fn allowed(LayerAnswer { use_id, field }: LayerAnswer) -> Response {
    let mut response = StatusCode::OK.into_response();
    if let Ok(value) = HeaderValue::from_str(&use_id.to_string()) {
        drop(response.headers_mut().insert(USE, value));
    }
    if let Some((name, value)) = field {
        drop(response.headers_mut().insert(name, value));
    }
    response
}

/// A layer knows yes, no and "ask the client"; what cannot be decided now stays an error, which no layer takes for a yes.
fn refused(form: LayerForm, problem: Problem) -> Response {
    let challenged = problem.more.get("status").and_then(Value::as_u64) == Some(401);
    let status = match problem.kind.status() {
        _ if challenged => StatusCode::UNAUTHORIZED,
        status @ 500.. => StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        _ => StatusCode::FORBIDDEN,
    };
    let named = problem.more.get("use").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let problem = problem.with("status", status.as_u16());
    let whole = (form == LayerForm::Nginx).then(|| in_a_header(&problem.document())).flatten();
    let mut response = as_response(&problem, status);
    if challenged {
        let basic = HeaderValue::from_static("Basic realm=\"exeat token\"");
        drop(response.headers_mut().insert(header::WWW_AUTHENTICATE, basic));
    }
    if let Some(value) = named {
        drop(response.headers_mut().insert(USE, value));
    }
    if let Some(value) = whole {
        drop(response.headers_mut().insert(PROBLEM, value));
    }
    response
}

/// The longest problem that is put into a header, in bytes: what nginx takes in the configuration of `examples/`.
const LONGEST: usize = 6 * 1024;

/// The document in ASCII and on one line; nothing when it is too long.
fn in_a_header(document: &Value) -> Option<HeaderValue> {
    let text = document.to_string();
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            // The escapes of JSON (RFC 8259 §7).
            ascii.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    HeaderValue::from_str(&ascii).ok().filter(|value| value.len() <= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::{Value, in_a_header};

    #[test]
    fn c16_a_problem_in_a_header_is_one_line_of_ascii_and_the_same_document() {
        let document = serde_json::json!({"detail": "caf\u{e9} \u{1f512}\r\nSet-Cookie: a=b"});
        let value = in_a_header(&document).unwrap();
        assert!(value.to_str().unwrap().is_ascii());
        assert_eq!(serde_json::from_slice::<Value>(value.as_bytes()).unwrap(), document);
        assert!(in_a_header(&Value::from("x".repeat(7_000))).is_none());
    }
}
