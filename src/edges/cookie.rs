//! The cookie of a session. Its prefix has browsers keep it to this very host, and send it over TLS or loopback alone (RFC 6265bis §4.1.3).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, SameSite};

use super::problem::invalid;
use crate::domain::problem::Problem;

/// Its name.
const NAME: &str = "__Host-exeat";

/// What the browser says its session is. Two are none: which one counts would be anybody's guess.
///
/// # Errors
/// `request_invalid` for a header that cannot be read, or two sessions.
pub(super) fn session(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let unreadable = |_| invalid("Cookie", "send it in ASCII");
    let mut found = Vec::new();
    for line in headers.get_all(header::COOKIE) {
        let pairs = Cookie::split_parse(line.to_str().map_err(unreadable)?).filter_map(Result::ok);
        found.extend(pairs.filter(|pair| pair.name() == NAME).map(|pair| pair.value().to_owned()));
    }
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(invalid("Cookie", "send one session")),
    }
}

/// Has the browser keep `key` for so long.
pub(super) fn keep(key: &str, life: Duration) -> Option<HeaderValue> {
    set(key, life)
}

/// Has the browser forget it.
pub(super) fn forget() -> Option<HeaderValue> {
    set("", Duration::ZERO)
}

fn set(value: &str, life: Duration) -> Option<HeaderValue> {
    let cookie = Cookie::build((NAME, value))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .max_age(life.try_into().ok()?);
    let mut value = HeaderValue::try_from(cookie.build().to_string()).ok()?;
    value.set_sensitive(true);
    Some(value)
}
