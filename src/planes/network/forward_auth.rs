//! The request that somebody else's proxy asks about, as nginx, Traefik, Caddy and Envoy hand it over: read in one reading or refused.
//! Pure. What the layer will send is what its headers say; that it does so is the layer's part.

use std::fmt;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};

use super::proxy::form::Form;
use super::proxy::host::HostPort;
use super::proxy::reason::Refused;
use super::proxy::{place, slot, target};
use crate::base::secret::Secret;
use crate::domain::layer::LayerForm;
use crate::domain::scope::{Ambiguity, HttpTarget};
use crate::domain::upstream::{Origin, Scheme, Slot, Upstream};

/// Where layers ask. In the form of Envoy the path of the original request follows.
pub const PATH: &str = "/v1/authorize";
/// Where a layer shows its key: `Authorization` belongs to the request it asks about.
pub const KEY: HeaderName = HeaderName::from_static("exeat-layer-key");

const ORIGINAL_METHOD: &str = "x-original-method";
const ORIGINAL_URL: &str = "x-original-url";
const FORWARDED_METHOD: &str = "x-forwarded-method";
const FORWARDED_PROTO: &str = "x-forwarded-proto";
const FORWARDED_HOST: &str = "x-forwarded-host";
const FORWARDED_URI: &str = "x-forwarded-uri";

/// Everything that says, in one form or another, what is asked about.
const SAYING: [&str; 6] =
    [ORIGINAL_METHOD, ORIGINAL_URL, FORWARDED_METHOD, FORWARDED_PROTO, FORWARDED_HOST, FORWARDED_URI];

/// The request that is asked about. Somebody's token is in it: it prints as where it goes.
pub struct Original {
    method: String,
    origin: Origin,
    path: String,
    /// Its headers, as far as the layer passes them on.
    headers: HeaderMap,
}

/// The same once its upstream is known.
#[derive(Debug)]
pub struct Shown {
    /// What is asked for.
    pub target: HttpTarget,
    /// What stood in the slot.
    pub token: Option<Secret>,
    /// The user name that came with it (Basic only).
    pub user: String,
}

/// A URL that somebody asks about. A token may be in it: it prints as where it goes.
pub struct Wanted {
    origin: Origin,
    path: String,
}

impl Wanted {
    /// Reads `https://host/path?query`, as strictly as a request.
    ///
    /// # Errors
    /// When it has two readings.
    pub fn read(url: &str) -> Result<Self, Refused> {
        absolute(url).map(|(origin, path)| Self { origin, path })
    }

    /// Where it goes.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Its target at `upstream`, which governs its origin.
    ///
    /// # Errors
    /// When it has two readings.
    pub fn target(&self, upstream: &Upstream, method: &str) -> Result<HttpTarget, Refused> {
        target_at(upstream, (&self.origin, method, &self.path))
    }
}

/// Whether this is a question of a layer. Its `Host` and `Origin` are those of the original request, and say nothing about this one.
#[must_use]
pub fn is_question(path: &str) -> bool {
    path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Original {
    /// Reads the question in the layer's own form. Said in another form, or in two, it has two readings.
    ///
    /// # Errors
    /// [`Refused`], with the rule.
    pub fn read(
        form: LayerForm,
        (method, uri): (&Method, &Uri),
        mut headers: HeaderMap,
    ) -> Result<Self, Refused> {
        // The absolute form would name a host of its own.
        if uri.authority().is_some() {
            return Err(Refused::ambiguous("absolute_form"));
        }
        let asked = uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
        let (says, after): (&[&str], _) = match form {
            LayerForm::Nginx => (&[ORIGINAL_METHOD, ORIGINAL_URL], None),
            LayerForm::Forwarded => {
                (&[FORWARDED_METHOD, FORWARDED_PROTO, FORWARDED_HOST, FORWARDED_URI], None)
            }
            LayerForm::Envoy => (&[FORWARDED_PROTO, FORWARDED_HOST], asked.strip_prefix(PATH)),
        };
        if SAYING.iter().any(|name| !says.contains(name) && headers.contains_key(*name)) {
            return Err(Refused::ambiguous("another_form"));
        }
        let behind = after.filter(|rest| rest.starts_with('/'));
        if (form == LayerForm::Envoy) != behind.is_some() || (behind.is_none() && uri.path() != PATH) {
            return Err(Refused::ambiguous("another_form"));
        }
        let (said_method, origin, path) = match (form, behind) {
            (LayerForm::Nginx, _) if uri.query().is_some() => return Err(Refused::ambiguous("another_form")),
            (LayerForm::Nginx, _) => {
                let (origin, path) = absolute(once(&headers, ORIGINAL_URL)?)?;
                (once(&headers, ORIGINAL_METHOD)?.to_owned(), origin, path)
            }
            (LayerForm::Forwarded, _) => {
                let path = plain(once(&headers, FORWARDED_URI)?)?;
                // Caddy leaves the original query on the question too; another one would be another reading.
                if uri.query().is_some_and(|query| path.split_once('?').map(|(_, said)| said) != Some(query))
                {
                    return Err(Refused::ambiguous("another_query"));
                }
                (once(&headers, FORWARDED_METHOD)?.to_owned(), origin(&headers)?, path)
            }
            (LayerForm::Envoy, behind) => {
                (method.as_str().to_owned(), origin(&headers)?, plain(behind.unwrap_or_default())?)
            }
        };
        for name in SAYING.into_iter().chain([KEY.as_str(), header::HOST.as_str()]) {
            headers.remove(name);
        }
        Ok(Self { method: said_method, origin, path, headers })
    }

    /// Where it goes.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Its target at `upstream`, which governs its origin.
    ///
    /// # Errors
    /// When it has two readings.
    pub fn target(&self, upstream: &Upstream) -> Result<HttpTarget, Refused> {
        target_at(upstream, (&self.origin, &self.method, &self.path))
    }

    /// Finds the token in the slot of `upstream`, by the same rules as the proxy.
    ///
    /// # Errors
    /// When there is a second credential, or one that is not in the slot.
    pub fn show(mut self, target: HttpTarget, upstream: &Upstream) -> Result<Shown, Refused> {
        target::refuse_overrides(&self.headers)?;
        let slot::Presented { token, user, target } = slot::take(&upstream.slot, &mut self.headers, target)?;
        Ok(Shown { target, token, user })
    }
}

impl fmt::Debug for Original {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Original").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// The header in which `slot` is; none for a slot in the query, which a layer cannot fill.
#[must_use]
pub fn header_of(slot: &Slot) -> Option<HeaderName> {
    slot::header_of(slot).and_then(|name| name.parse().ok())
}

/// What goes into the header of `slot`, for a layer that puts it there.
///
/// # Errors
/// When the credential cannot stand in a header, or the slot is in none.
pub fn field(slot: &Slot, credential: &Secret, user: &str) -> Result<(HeaderName, HeaderValue), Refused> {
    let name = header_of(slot).ok_or(Refused::SLOT_NOT_BY_LAYER)?;
    let value = place::field_value(slot, credential, user)?.ok_or(Refused::SLOT_NOT_BY_LAYER)?;
    // The value goes on in the buffer that is wiped when the answer has been written.
    let mut value =
        HeaderValue::from_maybe_shared(Bytes::from_owner(value)).map_err(|_| Refused::NOT_PLACEABLE)?;
    value.set_sensitive(true);
    Ok((name, value))
}

fn target_at(
    upstream: &Upstream,
    (origin, method, path): (&Origin, &str, &str),
) -> Result<HttpTarget, Refused> {
    HttpTarget::new(upstream.name.clone(), origin.scheme, &origin.host, origin.port, method, path).map_err(
        |ambiguity| match ambiguity {
            Ambiguity::UnknownMethod => Refused::METHOD,
            other => Refused::ambiguous(other.name()),
        },
    )
}

/// The header's value, if it is there exactly once.
fn once<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Refused> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Refused::ambiguous("not_said_once"));
    };
    value.to_str().map_err(|_| Refused::ambiguous("header_value"))
}

/// Scheme and host as the layer says it will reach them.
fn origin(headers: &HeaderMap) -> Result<Origin, Refused> {
    let scheme = match once(headers, FORWARDED_PROTO)? {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => return Err(Refused::ambiguous("scheme")),
    };
    Ok(origin_of(scheme, &host(once(headers, FORWARDED_HOST)?)?))
}

fn origin_of(scheme: Scheme, host: &HostPort) -> Origin {
    let port = host.port().unwrap_or(scheme.default_port());
    Origin { scheme, host: host.host().to_owned(), port }
}

fn host(text: &str) -> Result<HostPort, Refused> {
    HostPort::parse(text).map_err(|_| Refused::ambiguous("host"))
}

/// `https://host/path`, with the bytes of the path as they are.
fn absolute(text: &str) -> Result<(Origin, String), Refused> {
    let rest = text.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
    let host = host(rest.split('/').next().unwrap_or_default())?;
    match Form::read(&Method::GET, text, &host)? {
        Form::Absolute { tls, authority, path } => {
            let scheme = if tls { Scheme::Https } else { Scheme::Http };
            Ok((origin_of(scheme, &authority), path))
        }
        Form::Origin(_) | Form::Authority(_) => Err(Refused::ambiguous("target")),
    }
}

/// `/path`, and nothing that is more than that.
fn plain(text: &str) -> Result<String, Refused> {
    let nowhere = host("localhost")?;
    match Form::read(&Method::GET, text, &nowhere)? {
        Form::Origin(path) => Ok(path),
        Form::Absolute { .. } | Form::Authority(_) => Err(Refused::ambiguous("absolute_form")),
    }
}

#[cfg(test)]
mod tests;
