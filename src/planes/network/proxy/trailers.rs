//! Trailers, where the protocol carries them: what ends at the proxy in a head ends there too, and nothing in them is a credential (C12).

use http::HeaderMap;
use http::header::{self, HeaderName};

use super::slot::CREDENTIAL_HEADERS;
use super::{hop, target};
use crate::domain::token::looks_like_token;

/// What frames or routes a message stands in its head or nowhere (RFC 9110 §6.5.1).
const IN_HEADS_ONLY: [HeaderName; 6] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::SET_COOKIE,
    header::AUTHORIZATION,
];

/// What of a request's trailers goes on. `slot` is the header that carries the credential, if one does.
pub(super) fn of_request(mut trailers: HeaderMap, slot: Option<&str>) -> HeaderMap {
    clean(&mut trailers);
    let gone: Vec<HeaderName> = trailers
        .iter()
        .filter(|(name, value)| {
            let name = name.as_str();
            let token = value.to_str().map_or(true, |value| value.split(' ').any(looks_like_token));
            Some(name) == slot || CREDENTIAL_HEADERS.contains(&name) || token
        })
        .map(|(name, _)| name.clone())
        .collect();
    for name in gone {
        trailers.remove(name);
    }
    if target::refuse_overrides(&trailers).is_err() { HeaderMap::new() } else { trailers }
}

/// What of a response's trailers goes on.
pub(super) fn of_response(mut trailers: HeaderMap) -> HeaderMap {
    clean(&mut trailers);
    trailers
}

fn clean(trailers: &mut HeaderMap) {
    hop::strip_response(trailers);
    for name in IN_HEADS_ONLY {
        trailers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c12_trailers_carry_no_credential_and_frame_nothing() {
        let mut sent = HeaderMap::new();
        for (name, value) in [
            ("grpc-status", "0"),
            ("authorization", "Bearer attacker"),
            ("cookie", "a=b"),
            ("x-slot", "attacker"),
            ("content-length", "5"),
            ("host", "elsewhere"),
            ("x-exeat-run", "run"),
            ("proxy-authorization", "key"),
            ("transfer-encoding", "chunked"),
        ] {
            sent.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let left = of_request(sent, Some("x-slot"));
        assert_eq!(left.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["grpc-status"]);
    }
}
