//! A request that was found fit to be asked about: its target as it will be sent, without anything that is a credential.

use http::Uri;
use http::header::{self, HeaderMap, HeaderValue};

use super::destination::Destination;
use super::head::{Framing, Head};
use super::reason::Refused;
use super::slot::{self, Presented};
use super::{hop, mask, target};
use crate::base::secret::Secret;
use crate::domain::scope::HttpTarget;

/// A request that was found fit to be asked about.
pub(super) struct Fit {
    pub(super) uri: Uri,
    pub(super) target: HttpTarget,
    pub(super) token: Secret,
    pub(super) user: String,
}

/// Takes out what ends here and the token, and leaves in `headers` what may go on.
pub(super) fn fit(
    head: &Head,
    destination: &Destination,
    target: HttpTarget,
    headers: &mut HeaderMap,
) -> Result<Fit, Refused> {
    let slot = &destination.upstream.slot;
    target::refuse_overrides(headers)?;
    hop::strip_request(headers, slot::header_of(slot))?;
    let Presented { token, user, target } = slot::take(slot, headers, target)?;
    mask::prepare(headers);
    let token = token.ok_or(Refused::NO_TOKEN)?;
    let uri: Uri = target.path_and_query().parse().map_err(|_| Refused::ambiguous("target"))?;
    // What hyper writes is what was judged (D02).
    if uri.path_and_query().map(http::uri::PathAndQuery::as_str) != Some(target.path_and_query()) {
        return Err(Refused::ambiguous("target"));
    }
    let origin = &destination.origin;
    let host = origin.to_string().split_off(origin.scheme.as_str().len() + "://".len());
    headers.insert(header::HOST, host.parse().map_err(|_| Refused::ambiguous("host"))?);
    if head.framing == Framing::Chunked {
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    Ok(Fit { uri, target, token, user })
}
