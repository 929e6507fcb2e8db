//! Header fields that are for one hop only, and so end here in both directions (RFC 9110 §7.6.1, E08).

use http::header::{self, HeaderMap, HeaderName};

use super::reason::Refused;

/// Always for one hop, whether `Connection` names them or not.
const ONE_HOP: [&str; 8] =
    ["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings", "expect"];

/// Fields without which a request would be another one; a `Connection` that names them is an attack.
const ESSENTIAL: [HeaderName; 4] =
    [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::AUTHORIZATION];

/// Takes from a request what is meant for this proxy. `slot` is the header that carries the token, if one does.
pub(super) fn strip_request(headers: &mut HeaderMap, slot: Option<&str>) -> Result<(), Refused> {
    let named = named(headers);
    if named.iter().any(|name| ESSENTIAL.contains(name) || Some(name.as_str()) == slot) {
        return Err(Refused::ambiguous("connection_names_essential"));
    }
    strip(headers, &named);
    Ok(())
}

/// Takes from a response what is meant for this proxy, and invitations to go around it (RFC 7838).
pub(super) fn strip_response(headers: &mut HeaderMap) {
    let named = named(headers);
    strip(headers, &named);
    headers.remove(header::ALT_SVC);
}

fn named(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok()).collect()
}

fn strip(headers: &mut HeaderMap, named: &[HeaderName]) {
    let ends_here = |name: &HeaderName| {
        let text = name.as_str();
        ONE_HOP.contains(&text)
            || named.contains(name)
            || ["proxy-", "exeat-", "x-exeat-"].iter().any(|prefix| text.starts_with(prefix))
    };
    let gone: Vec<HeaderName> = headers.keys().filter(|name| ends_here(name)).cloned().collect();
    for name in gone {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())
        };
        let mut map = HeaderMap::new();
        for (name, value) in lines.iter().map(pair) {
            map.append(name, value);
        }
        map
    }

    #[test]
    fn e08_what_is_for_the_proxy_ends_here() {
        let mut map = headers(&[
            ("connection", "close, X-Named"),
            ("x-named", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Bearer key"),
            ("proxy-connection", "keep-alive"),
            ("x-exeat-run", "run"),
            ("exeat-anything", "1"),
            ("te", "trailers"),
            ("trailer", "X"),
            ("accept", "*/*"),
        ]);
        strip_request(&mut map, None).unwrap();
        assert_eq!(map.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
    }

    #[test]
    fn a_connection_that_names_what_is_essential_is_refused() {
        for name in ["Host", "Content-Length", "Authorization", "X-Api-Key"] {
            let mut map = HeaderMap::new();
            map.insert(header::CONNECTION, name.parse().unwrap());
            assert!(strip_request(&mut map, Some("x-api-key")).is_err(), "{name}");
        }
    }

    #[test]
    fn e08_a_response_keeps_neither_ours_nor_invitations() {
        let mut map = headers(&[
            ("proxy-authenticate", "Basic"),
            ("alt-svc", "h3"),
            ("x-exeat-use", "u"),
            ("etag", "x"),
        ]);
        strip_response(&mut map);
        assert_eq!(map.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["etag"]);
    }
}
