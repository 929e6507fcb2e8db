//! One request head of HTTP/2: of one reading, or refused, by the rules that hold for HTTP/1.1 (RFC 9113 §8).
//!
//! The library has decoded it and refused, by resetting the stream, what is no request: upper case, pseudo-fields twice or out of place,
//! fields of a connection, lengths that are wrong. What it lets through and two readers could read in two ways is refused here.

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Uri};

use super::form::{Form, host_of};
use super::head::{Framing, Head, MAX_HEAD_BYTES, MAX_HEADERS};
use super::host::HostPort;
use super::reason::Refused;

/// Fields that HTTP/2 has no place for (RFC 9113 §8.2.2), and one that begins another protocol.
const NOT_HERE: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "http2-settings"];

const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// Judges one head. `has_body` is whether anything follows it.
pub(super) fn read<B>(request: &Request<B>, has_body: bool) -> Result<Head, Refused> {
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    fields(headers)?;
    if method == Method::CONNECT {
        return Err(Refused::CONNECT_INSIDE);
    }
    if !METHODS.contains(method) {
        return Err(Refused::METHOD);
    }
    let host = host(uri, headers)?;
    let target = target(method, uri, &host)?;
    Ok(Head { method: method.clone(), target, host, framing: framing(headers, has_body)?, socket: false })
}

fn fields(headers: &HeaderMap) -> Result<(), Refused> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
    if headers.len() > MAX_HEADERS || bytes > MAX_HEAD_BYTES {
        return Err(Refused::TOO_LONG);
    }
    if NOT_HERE.iter().any(|name| headers.contains_key(*name)) {
        return Err(Refused::ambiguous("connection_field"));
    }
    if headers.values().any(|value| !is_plain(value.as_bytes())) {
        return Err(Refused::ambiguous("header_value"));
    }
    if headers.get_all(header::TE).into_iter().any(|value| value != "trailers") {
        return Err(Refused::ambiguous("te"));
    }
    let expected = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if headers.get_all(header::EXPECT).into_iter().any(|value| !expected(value)) {
        return Err(Refused::EXPECTATION);
    }
    Ok(())
}

/// ASCII without controls, and no blanks around it (RFC 9113 §8.2.1).
fn is_plain(value: &[u8]) -> bool {
    let blank = |b: Option<&u8>| b.is_some_and(|b| b" \t".contains(b));
    !blank(value.first()) && !blank(value.last()) && value.iter().all(|b| matches!(b, b'\t' | 0x20..=0x7e))
}

/// `:authority`, and the same in `Host` where there is one.
fn host(uri: &Uri, headers: &HeaderMap) -> Result<HostPort, Refused> {
    let authority = uri.authority().ok_or(Refused::ambiguous("host_missing"))?;
    let authority = host_of(authority.as_str())?;
    let mut hosts = headers.get_all(header::HOST).into_iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => Ok(authority),
        (Some(_), Some(_)) => Err(Refused::ambiguous("two_hosts")),
        (Some(host), None) => {
            let host = host_of(host.to_str().map_err(|_| Refused::ambiguous("host"))?)?;
            let port = authority.port().unwrap_or(443);
            if host.names(authority.host(), port, 443) {
                Ok(authority)
            } else {
                Err(Refused::ambiguous("host_is_not_target"))
            }
        }
    }
}

fn target(method: &Method, uri: &Uri, host: &HostPort) -> Result<Form, Refused> {
    if uri.scheme_str() != Some("https") {
        return Err(Refused::ambiguous("scheme"));
    }
    let path = uri.path_and_query().ok_or(Refused::ambiguous("target"))?.as_str();
    if !path.starts_with('/') || path.bytes().any(|b| !b.is_ascii_graphic()) {
        return Err(Refused::ambiguous("target"));
    }
    Form::read(method, path, host)
}

/// The length that is said, which the library holds the body to, or none.
fn framing(headers: &HeaderMap, has_body: bool) -> Result<Framing, Refused> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).into_iter();
    let said = match (lengths.next(), lengths.next()) {
        (None, _) => None,
        (Some(_), Some(_)) => return Err(Refused::ambiguous("two_lengths")),
        (Some(length), None) => Some(super::head::digits(length.to_str().unwrap_or_default())?),
    };
    match said {
        Some(0) if has_body => Err(Refused::ambiguous("content_length")),
        Some(1..) if !has_body => Err(Refused::ambiguous("content_length")),
        Some(length) => Ok(Framing::Length(length)),
        None if has_body => Ok(Framing::Chunked),
        None => Ok(Framing::Length(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(uri: &str, fields: &[(&'static str, &str)], has_body: bool) -> Result<Head, &'static str> {
        let mut request = Request::builder().method("POST").uri(uri);
        for (name, value) in fields {
            request = request.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        read(&request.body(()).unwrap(), has_body).map_err(Refused::name)
    }

    const URI: &str = "https://api.example/a?b=c";

    #[test]
    fn a_head_is_read_as_one_of_http_1() {
        let head = judged(URI, &[("host", "api.example:443"), ("te", "trailers")], true).unwrap();
        assert_eq!((head.method, head.framing), (Method::POST, Framing::Chunked));
        assert_eq!(head.target, Form::Origin("/a?b=c".to_owned()));
        assert!(head.host.names("api.example", 443, 443));
        assert_eq!(judged(URI, &[("content-length", "5")], true).unwrap().framing, Framing::Length(5));
        assert_eq!(judged(URI, &[], false).unwrap().framing, Framing::Length(0));
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        let long = "a".repeat(MAX_HEAD_BYTES);
        for (uri, name, value, reason) in [
            (URI, "host", "other.example", "host_is_not_target"),
            (URI, "host", "api.example:8443", "host_is_not_target"),
            (URI, "host", "a@api.example", "host"),
            ("/a", "host", "api.example", "host_missing"),
            ("http://api.example/a", "x", "y", "scheme"),
            ("https://a@api.example/a", "x", "y", "host"),
            ("https://api.example/a\\b", "x", "y", "target"),
            (URI, "connection", "close", "connection_field"),
            (URI, "transfer-encoding", "chunked", "connection_field"),
            (URI, "upgrade", "h2c", "connection_field"),
            (URI, "te", "gzip", "te"),
            (URI, "x", " y", "header_value"),
            (URI, "x", "y\t", "header_value"),
            (URI, "x", "é", "header_value"),
            (URI, "expect", "200-ok", "expectation"),
            (URI, "content-length", "+5", "content_length"),
            (URI, "content-length", "05", "content_length"),
            (URI, "content-length", "0", "content_length"),
            (URI, "x", &long, "head_too_long"),
        ] {
            assert_eq!(
                judged(uri, &[(name, value)], true).map(|_| ()),
                Err(reason),
                "{uri} {name}: {value:.20}"
            );
        }
        let twice = [("content-length", "5"), ("content-length", "5")];
        assert_eq!(judged(URI, &twice, true).map(|_| ()), Err("two_lengths"));
        let twice = [("host", "api.example"), ("host", "api.example")];
        assert_eq!(judged(URI, &twice, true).map(|_| ()), Err("two_hosts"));
        assert_eq!(judged(URI, &[("content-length", "5")], false).map(|_| ()), Err("content_length"));
    }
}
