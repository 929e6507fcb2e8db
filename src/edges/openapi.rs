//! What both OpenAPI documents begin with.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, Info, License, OpenApi, Paths};
use utoipa::{PartialSchema, ToSchema};

/// A problem document (RFC 9457); more members say what is missing and how to ask.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a schema for the document; problems are written by `Problem::document`")]
pub(super) struct Problem {
    /// `urn:exeat:problem:NAME`.
    r#type: String,
    /// The same short sentence every time.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What it was this time and what to do next.
    detail: String,
    /// The field at fault: a JSON pointer into the body, or the name of a header or parameter.
    field: Option<String>,
}

/// A document with one way to authenticate and no paths yet.
pub(super) fn base(title: &str, description: &str, scheme: &str) -> OpenApi {
    let mut info = Info::new(title, env!("CARGO_PKG_VERSION"));
    info.description = Some(description.to_owned());
    info.license = Some(License::new("Apache-2.0"));
    let key = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let mut components = Components::new();
    components.add_security_scheme(scheme, key);
    drop(components.schemas.insert("Problem".to_owned(), Problem::schema()));
    let mut document = OpenApi::new(info, Paths::new());
    document.components = Some(components);
    document
}

/// The same with the key of layers, which is no bearer: `Authorization` belongs to the request that a layer asks about.
pub(super) fn with_layers(mut document: OpenApi) -> OpenApi {
    let key = ApiKey::Header(ApiKeyValue::new(crate::planes::network::forward_auth::KEY.as_str()));
    document.components.get_or_insert_default().add_security_scheme("layer_key", SecurityScheme::ApiKey(key));
    document
}
