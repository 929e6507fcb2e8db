//! The one protocol that may come after HTTP/1.1: WebSocket, asked for by the letter of RFC 6455 §4.2.1. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{self, HeaderMap, HeaderValue};

use super::reason::Refused;

const UPGRADE: Refused = Refused::ambiguous("upgrade");

/// Whether a head asks for a WebSocket. `values` gives those of a field, by its lower-case name.
pub(super) fn is_asked<'a>(
    method: &Method,
    values: impl Fn(&'static str) -> Vec<&'a str>,
) -> Result<bool, Refused> {
    if values("upgrade").is_empty() && values("http2-settings").is_empty() {
        return Ok(false);
    }
    let (protocol, key) = (values("upgrade"), values("sec-websocket-key"));
    let ([protocol], [key]) = (protocol.as_slice(), key.as_slice()) else { return Err(UPGRADE) };
    let is_key = STANDARD.decode(key).is_ok_and(|key| key.len() == 16);
    let good = method == Method::GET
        && protocol.eq_ignore_ascii_case("websocket")
        && values("http2-settings").is_empty()
        && says_upgrade(&values("connection"))
        && values("sec-websocket-version") == ["13"]
        && is_key;
    if good { Ok(true) } else { Err(UPGRADE) }
}

/// `Connection: Upgrade`, perhaps with `keep-alive`, and nothing else.
fn says_upgrade(lines: &[&str]) -> bool {
    let words = || lines.iter().flat_map(|line| line.split(',')).map(str::trim);
    let is = |word: &str, other: &str| word.eq_ignore_ascii_case(other);
    words().any(|word| is(word, "upgrade"))
        && words().all(|word| is(word, "upgrade") || is(word, "keep-alive"))
}

/// What was taken off for this hop is put on for the next. Extensions are not offered: their frames could not be read.
pub(super) fn ask(headers: &mut HeaderMap) {
    headers.remove(header::SEC_WEBSOCKET_EXTENSIONS);
    switching(headers);
}

/// Whether an answer switches to what was asked for.
pub(super) fn is_granted(headers: &HeaderMap) -> bool {
    let mut to = headers.get_all(header::UPGRADE).into_iter();
    let to_socket = to.next().is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
    to_socket && to.next().is_none() && !headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS)
}

/// The two fields that switch.
pub(super) fn switching(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
}
