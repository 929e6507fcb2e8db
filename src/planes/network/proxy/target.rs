//! Phase 6: the canonical target of one request. What is judged is byte for byte what is sent (D02).

use http::{HeaderMap, Method};

use super::destination::Destination;
use super::reason::Refused;
use crate::domain::scope::HttpTarget;

/// Fields that make some servers do another method or another path than the request line says.
const OVERRIDES: [&str; 7] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-method",
    "x-original-url",
    "x-original-uri",
    "x-rewrite-url",
];

/// Refuses what would make the upstream do something else than was judged.
pub(in crate::planes::network) fn refuse_overrides(headers: &HeaderMap) -> Result<(), Refused> {
    let overridden = OVERRIDES.iter().any(|name| headers.contains_key(*name));
    if overridden { Err(Refused::ambiguous("header_overrides_target")) } else { Ok(()) }
}

/// The target of `method path` at `destination`.
pub(super) fn target(destination: &Destination, method: &Method, path: &str) -> Result<HttpTarget, Refused> {
    let origin = &destination.origin;
    let upstream = destination.upstream.name.clone();
    HttpTarget::new(upstream, origin.scheme, &origin.host, origin.port, method.as_str(), path)
        .map_err(|ambiguity| Refused::ambiguous(ambiguity.name()))
}
