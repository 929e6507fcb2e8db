//! Phase 6: the canonical target of one request. What is judged is byte for byte what is sent (D02).

use http::Method;

use super::destination::Destination;
use super::reason::Refused;
use crate::domain::scope::HttpTarget;

/// The target of `method path` at `destination`.
pub(super) fn target(destination: &Destination, method: &Method, path: &str) -> Result<HttpTarget, Refused> {
    let origin = &destination.origin;
    let upstream = destination.upstream.name.clone();
    HttpTarget::new(upstream, origin.scheme, &origin.host, origin.port, method.as_str(), path)
        .map_err(|ambiguity| Refused::ambiguous(ambiguity.name()))
}
