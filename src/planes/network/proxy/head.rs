//! One request head, as raw bytes: clean and of one reading, or refused. Pure, so that it can be fuzzed.
//!
//! Two parsers that disagree about where a message ends are how one request hides inside another (RFC 9112 §11.2). So
//! nothing here is repaired: what two readers could read in two ways is refused. Called by the guard, which lets no byte
//! through that was not judged here.

use http::Method;

use super::form::{Form, host_of};
use super::host::HostPort;
use super::reason::Refused;
use super::upgrade;

/// The longest head, in bytes.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;
/// The most header fields.
pub const MAX_HEADERS: usize = 100;

/// What the checks learned about a clean head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The method: one of those that can be granted, or `CONNECT`.
    pub method: Method,
    /// The request target as it was written.
    pub target: Form,
    /// The one `Host`.
    pub host: HostPort,
    /// How the body is framed.
    pub framing: Framing,
    /// Whether a WebSocket is to come after it.
    pub socket: bool,
}

/// How long the body is (RFC 9112 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// This many bytes; zero where nothing was said.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// Looks for the end of a head in `bytes`, of which everything before `from` was looked at before.
///
/// Bytes that no head may hold are refused as soon as they are there, so that nobody waits for an end that cannot come.
///
/// # Errors
/// Control bytes, bare CR or LF, bytes beyond ASCII, an empty first line, a head that is too long.
pub fn find_end(bytes: &[u8], from: usize) -> Result<Option<usize>, Refused> {
    let mut before = from.checked_sub(1).and_then(|at| bytes.get(at)).copied();
    for (at, &byte) in bytes.iter().enumerate().skip(from) {
        check_byte(before, byte)?;
        before = Some(byte);
        if byte != b'\n' {
            continue;
        }
        let so_far = bytes.get(..=at).unwrap_or_default();
        if so_far.len() == 2 {
            return Err(Refused::ambiguous("empty_line_before_request"));
        }
        if so_far.ends_with(b"\r\n\r\n") {
            return if so_far.len() > MAX_HEAD_BYTES {
                Err(Refused::TOO_LONG)
            } else {
                Ok(Some(so_far.len()))
            };
        }
    }
    if bytes.len() > MAX_HEAD_BYTES { Err(Refused::TOO_LONG) } else { Ok(None) }
}

fn check_byte(before: Option<u8>, byte: u8) -> Result<(), Refused> {
    match (before, byte) {
        (Some(b'\r'), b'\n') => Ok(()),
        (Some(b'\r'), _) => Err(Refused::ambiguous("bare_cr")),
        (_, b'\n') => Err(Refused::ambiguous("bare_lf")),
        (_, b'\t' | b'\r' | 0x20..=0x7e) => Ok(()),
        (_, 0x80..) => Err(Refused::ambiguous("byte_beyond_ascii")),
        _ => Err(Refused::ambiguous("control_byte")),
    }
}

/// Judges one head: exactly the bytes up to and with the empty line.
///
/// # Errors
/// Whatever does not have exactly one reading, named.
pub fn check(bytes: &[u8]) -> Result<Head, Refused> {
    if find_end(bytes, 0)? != Some(bytes.len()) {
        return Err(Refused::ambiguous("not_one_head"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Refused::ambiguous("byte_beyond_ascii"))?;
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap_or_default();
    let lines: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    let (method, target) = request_line(line)?;
    let fields = fields(bytes, &lines)?;
    let named = |name| values(&fields, name).map(|field| field.value).collect();
    let socket = upgrade::is_asked(&method, named)?;
    refuse_expectations(&fields)?;
    let host = match host(&fields) {
        // HTTP/1.0 knows no `Host`, and `CONNECT` says it in its target.
        Err(missing) if missing == HOST_MISSING && method == Method::CONNECT => host_of(target)?,
        host => host?,
    };
    let target = Form::read(&method, target, &host)?;
    let framing = framing(&fields)?;
    if method == Method::CONNECT && framing != Framing::Length(0) {
        return Err(Refused::ambiguous("body_in_connect"));
    }
    if socket && (framing != Framing::Length(0) || values(&fields, "content-length").next().is_some()) {
        return Err(Refused::ambiguous("upgrade"));
    }
    Ok(Head { method, target, host, framing, socket })
}

/// The values of one field of a head that was found clean. For what must be known before anything reads the head.
#[must_use]
pub fn values_in<'a>(bytes: &'a [u8], name: &str) -> Vec<&'a [u8]> {
    let mut storage = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut storage);
    if request.parse(bytes).is_err() {
        return Vec::new();
    }
    let fields = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
    fields.map(|header| header.value).collect()
}

/// `METHOD SP target SP HTTP/1.1`, each exactly once (RFC 9112 §3).
fn request_line(line: &str) -> Result<(Method, &str), Refused> {
    if line == "PRI * HTTP/2.0" {
        return Err(Refused::ambiguous("http2_preface"));
    }
    let mut parts = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refused::ambiguous("request_line"));
    };
    match version {
        "HTTP/1.1" => {}
        // Python before 3.12 opens its tunnels in this version. What follows inside is another matter.
        "HTTP/1.0" if method == "CONNECT" => {}
        "HTTP/1.0" => return Err(Refused::ambiguous("http_1_0")),
        _ => return Err(Refused::ambiguous("http_version")),
    }
    Ok((self::method(method)?, target))
}

/// The methods that can be granted, and `CONNECT`. `TRACE` would echo the credential (C08).
fn method(text: &str) -> Result<Method, Refused> {
    Ok(match text {
        "GET" => Method::GET,
        "HEAD" => Method::HEAD,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        "OPTIONS" => Method::OPTIONS,
        "CONNECT" => Method::CONNECT,
        _ => return Err(Refused::METHOD),
    })
}

/// One header field: its name in lower case, its value without surrounding blanks, and the line it was.
struct Field<'a> {
    name: String,
    value: &'a str,
    line: &'a str,
}

impl Field<'_> {
    /// Whether the line is `name:value` or `name: value` and nothing else: fields that frame get no odd blanks.
    fn is_plain(&self) -> bool {
        let blanks = self.line.len().checked_sub(self.name.len() + 1 + self.value.len());
        matches!(blanks, Some(0 | 1)) && self.line.ends_with(self.value)
    }
}

fn fields<'a>(bytes: &'a [u8], lines: &[&'a str]) -> Result<Vec<Field<'a>>, Refused> {
    if lines.len() > MAX_HEADERS {
        return Err(Refused::TOO_LONG);
    }
    if lines.iter().any(|line| line.starts_with([' ', '\t'])) {
        return Err(Refused::ambiguous("folded_line"));
    }
    let mut storage = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut storage);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Refused::TOO_LONG),
        Err(httparse::Error::HeaderName) => return Err(Refused::ambiguous("header_name")),
        Err(httparse::Error::HeaderValue) => return Err(Refused::ambiguous("header_value")),
        _ => return Err(Refused::ambiguous("request_line")),
    }
    if request.headers.len() != lines.len() {
        return Err(Refused::ambiguous("header_lines"));
    }
    let field = |(header, line): (&httparse::Header<'a>, &&'a str)| {
        let value = std::str::from_utf8(header.value).map_err(|_| Refused::ambiguous("header_value"))?;
        Ok(Field { name: header.name.to_ascii_lowercase(), value, line })
    };
    request.headers.iter().zip(lines).map(field).collect()
}

fn values<'a, 'f>(fields: &'f [Field<'a>], name: &'f str) -> impl Iterator<Item = &'f Field<'a>> {
    fields.iter().filter(move |field| field.name == name)
}

/// The only expectation there is, is a 100 (RFC 9110 §10.1.1).
fn refuse_expectations(fields: &[Field<'_>]) -> Result<(), Refused> {
    if values(fields, "expect").any(|field| !field.value.eq_ignore_ascii_case("100-continue")) {
        return Err(Refused::EXPECTATION);
    }
    Ok(())
}

const HOST_MISSING: Refused = Refused::ambiguous("host_missing");

fn host(fields: &[Field<'_>]) -> Result<HostPort, Refused> {
    let mut hosts = values(fields, "host");
    match (hosts.next(), hosts.next()) {
        (Some(field), None) => host_of(field.value),
        (None, _) => Err(HOST_MISSING),
        (Some(_), Some(_)) => Err(Refused::ambiguous("two_hosts")),
    }
}

/// RFC 9112 §6.3 without its leniency.
fn framing(fields: &[Field<'_>]) -> Result<Framing, Refused> {
    let mut lengths = values(fields, "content-length");
    let mut codings = values(fields, "transfer-encoding");
    match (lengths.next(), codings.next()) {
        (None, None) => Ok(Framing::Length(0)),
        (Some(_), Some(_)) => Err(Refused::ambiguous("length_and_encoding")),
        (Some(_), None) if lengths.next().is_some() => Err(Refused::ambiguous("two_lengths")),
        (Some(field), None) => length(field),
        (None, Some(_)) if codings.next().is_some() => Err(Refused::ambiguous("two_encodings")),
        (None, Some(field)) if field.is_plain() && field.value.eq_ignore_ascii_case("chunked") => {
            Ok(Framing::Chunked)
        }
        (None, Some(_)) => Err(Refused::ambiguous("transfer_encoding")),
    }
}

/// Decimal digits without a sign, a list or leading zeros; 15 of them are a petabyte.
fn length(field: &Field<'_>) -> Result<Framing, Refused> {
    let bad = Refused::ambiguous("content_length");
    if field.is_plain() { digits(field.value).map(Framing::Length) } else { Err(bad) }
}

/// The number that a length says.
pub(super) fn digits(text: &str) -> Result<u64, Refused> {
    let bad = Refused::ambiguous("content_length");
    let digits = (1..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if !digits || (text.len() > 1 && text.starts_with('0')) {
        return Err(bad);
    }
    text.parse().map_err(|_| bad)
}

#[cfg(test)]
mod tests;
