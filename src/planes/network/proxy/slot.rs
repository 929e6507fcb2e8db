//! Phase 7: find the token in the slot its upstream declares, and only there, and take it out of the request.
//!
//! What goes on from here carries no credential at all. A credential anywhere else, a second one, or the token in a
//! second place, from which an upstream could echo it, is refused (C15, E01). Whether what was found is a token of ours
//! is the broker's to say.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::reason::Refused;
use crate::base::secret::Secret;
use crate::domain::scope::HttpTarget;
use crate::domain::upstream::Slot;

/// Header fields that carry credentials somewhere in the world.
pub(super) const CREDENTIAL_HEADERS: [&str; 27] = [
    "authorization",
    "cookie",
    "x-api-key",
    "api-key",
    "apikey",
    "x-auth-token",
    "x-auth-key",
    "x-auth-email",
    "x-access-token",
    "x-authorization",
    "private-token",
    "job-token",
    "deploy-token",
    "x-vault-token",
    "x-consul-token",
    "x-nomad-token",
    "x-goog-api-key",
    "x-amz-security-token",
    "x-amz-access-token",
    "x-ms-access-token",
    "x-shopify-access-token",
    "x-figma-token",
    "x-github-token",
    "circle-token",
    "dd-api-key",
    "dd-application-key",
    "x-rundeck-auth-token",
];

/// Query parameters that carry credentials somewhere in the world.
const CREDENTIAL_PARAMETERS: [&str; 6] =
    ["access_token", "private_token", "job_token", "api_key", "apikey", "client_secret"];

/// The shortest text that is looked for elsewhere; anything shorter is no token.
const MIN_TOKEN_BYTES: usize = 16;

/// What stood in the slot.
pub(in crate::planes::network) struct Presented {
    /// The token, if there was one.
    pub(in crate::planes::network) token: Option<Secret>,
    /// The user name that came with it (Basic only).
    pub(in crate::planes::network) user: String,
    /// The target; its credential parameter is empty now.
    pub(in crate::planes::network) target: HttpTarget,
}

/// The header that `slot` lives in.
pub(in crate::planes::network) fn header_of(slot: &Slot) -> Option<&str> {
    match slot {
        Slot::Bearer | Slot::Basic { .. } => Some(header::AUTHORIZATION.as_str()),
        Slot::Header { name } => Some(name),
        Slot::Query { .. } => None,
    }
}

/// Takes the token out of `headers` or `target`.
pub(in crate::planes::network) fn take(
    slot: &Slot,
    headers: &mut HeaderMap,
    target: HttpTarget,
) -> Result<Presented, Refused> {
    refuse_credentials_outside(slot, headers, &target)?;
    let mut user = String::new();
    let (token, target) = match slot {
        Slot::Query { name } => from_query(name, target)?,
        Slot::Header { name } => (from_header(headers, name)?, target),
        Slot::Bearer => {
            let token = from_header(headers, header::AUTHORIZATION.as_str())?
                .map(|value| bearer(&value))
                .transpose()?;
            (token, target)
        }
        Slot::Basic { user: declared } => {
            let value = from_header(headers, header::AUTHORIZATION.as_str())?;
            let pair = value.map(|value| basic(&value, declared)).transpose()?;
            let token = pair.map(|(sent, token)| {
                user = sent;
                token
            });
            (token, target)
        }
    };
    if let Some(token) = &token {
        refuse_elsewhere(token, headers, &target)?;
    }
    Ok(Presented { token: token.map(|token| Secret::new(token.to_vec())), user, target })
}

type Found = Zeroizing<Vec<u8>>;

fn refuse_credentials_outside(slot: &Slot, headers: &HeaderMap, target: &HttpTarget) -> Result<(), Refused> {
    let own = header_of(slot);
    if CREDENTIAL_HEADERS.iter().any(|name| Some(*name) != own && headers.contains_key(*name)) {
        return Err(Refused::OUTSIDE_SLOT);
    }
    let own = match slot {
        Slot::Query { name } => Some(name.as_str()),
        _ => None,
    };
    let carries = |name: &str| {
        own != Some(name) && CREDENTIAL_PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(name))
    };
    if parameters(target).any(carries) { Err(Refused::OUTSIDE_SLOT) } else { Ok(()) }
}

fn parameters(target: &HttpTarget) -> impl Iterator<Item = &str> {
    let query = target.path_and_query().split_once('?').map(|(_, query)| query);
    let pairs = query.into_iter().flat_map(|query| query.split('&'));
    pairs.map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name))
}

fn from_query(name: &str, target: HttpTarget) -> Result<(Option<Found>, HttpTarget), Refused> {
    match parameters(&target).filter(|found| found.eq_ignore_ascii_case(name)).count() {
        0 => Ok((None, target)),
        1 => {
            let (target, token) = target.without_query(name).map_err(|_| Refused::NOT_IN_FORM)?;
            Ok((Some(Zeroizing::new(token.as_bytes().to_vec())), target))
        }
        _ => Err(Refused::TWO_CREDENTIALS),
    }
}

fn from_header(headers: &mut HeaderMap, name: &str) -> Result<Option<Found>, Refused> {
    let name: HeaderName = name.parse().map_err(|_| Refused::NOT_IN_FORM)?;
    if headers.get_all(&name).into_iter().count() > 1 {
        return Err(Refused::TWO_CREDENTIALS);
    }
    let value = headers.remove(&name).map(|value| Zeroizing::new(HeaderValue::as_bytes(&value).to_vec()));
    match value {
        Some(value) if value.is_empty() => Err(Refused::NOT_IN_FORM),
        value => Ok(value),
    }
}

/// `Bearer TOKEN`: one scheme, one space, one word (RFC 6750 §2.1). `token TOKEN` is how clients of GitHub and Gitea write the
/// same thing. The credential leaves as Bearer either way, which both upstreams take, and GitHub alone for a JWT.
fn bearer(value: &[u8]) -> Result<Found, Refused> {
    let rest = after_scheme(value, b"bearer").or_else(|_| after_scheme(value, b"token"))?;
    if rest.is_empty() || rest.iter().any(|b| b" ,\t".contains(b)) {
        return Err(Refused::NOT_IN_FORM);
    }
    Ok(Zeroizing::new(rest.to_vec()))
}

/// `Basic BASE64`, with the declared user or, from clients that know none, without (RFC 7617 §2).
fn basic(value: &[u8], declared: &str) -> Result<(String, Found), Refused> {
    let rest = after_scheme(value, b"basic")?;
    let pair = Zeroizing::new(STANDARD.decode(rest).map_err(|_| Refused::NOT_IN_FORM)?);
    let text = std::str::from_utf8(&pair).map_err(|_| Refused::NOT_IN_FORM)?;
    let (user, token) = text.split_once(':').ok_or(Refused::NOT_IN_FORM)?;
    let plain = user.bytes().all(|b| (0x20..=0x7e).contains(&b));
    let fits = declared.is_empty() || user.is_empty() || user == declared;
    if !plain || !fits || token.is_empty() {
        return Err(Refused::NOT_IN_FORM);
    }
    Ok((user.to_owned(), Zeroizing::new(token.as_bytes().to_vec())))
}

fn after_scheme<'a>(value: &'a [u8], scheme: &[u8]) -> Result<&'a [u8], Refused> {
    match value.split_at_checked(scheme.len()) {
        Some((found, [b' ', rest @ ..])) if found.eq_ignore_ascii_case(scheme) => Ok(rest),
        _ => Err(Refused::NOT_IN_FORM),
    }
}

fn refuse_elsewhere(token: &[u8], headers: &HeaderMap, target: &HttpTarget) -> Result<(), Refused> {
    if token.len() < MIN_TOKEN_BYTES {
        return Ok(());
    }
    let holds = |text: &[u8]| text.windows(token.len()).any(|window| window == token);
    let in_headers =
        headers.iter().any(|(name, value)| holds(name.as_str().as_bytes()) || holds(value.as_bytes()));
    if in_headers || holds(target.path_and_query().as_bytes()) {
        return Err(Refused::TOKEN_ELSEWHERE);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
