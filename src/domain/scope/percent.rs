//! The one spelling a path segment or a query part may have (RFC 3986 §2).
//!
//! Used alike for what is granted and for what is sent, so that equal bytes are equal meanings: a character that needs
//! no encoding may not have one, hexadecimal digits are upper case, and nothing decodes into something that would be
//! read as structure or decoded again. Decoding is for judging only; what is compared and sent are the raw bytes.

use super::target::Ambiguity;

/// Where in a request target the text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Between two slashes of the path.
    Segment,
    /// A name or a value of the query.
    Query,
}

/// Accepts text that has exactly one reading in its place.
pub(super) fn check(text: &str, place: Place) -> Result<(), Ambiguity> {
    let decoded = decode(text.as_bytes(), place)?;
    let decoded = std::str::from_utf8(&decoded).map_err(|_| Ambiguity::InvalidUtf8)?;
    if place == Place::Segment { segment(decoded) } else { Ok(()) }
}

fn decode(text: &[u8], place: Place) -> Result<Vec<u8>, Ambiguity> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        if first != b'%' {
            raw(first, place)?;
            decoded.push(first);
            rest = tail;
            continue;
        }
        let Some((&[high, low], tail)) = tail.split_first_chunk::<2>() else {
            return Err(Ambiguity::MalformedEncoding);
        };
        let byte = hex(high)? * 16 + hex(low)?;
        encoded(byte, tail, place)?;
        decoded.push(byte);
        rest = tail;
    }
    Ok(decoded)
}

/// A byte that stands for itself.
fn raw(byte: u8, place: Place) -> Result<(), Ambiguity> {
    // RFC 3986 §3.3: pchar. Queries also carry what browsers leave alone there (`filter[state]=open`).
    let pchar = unreserved(byte) || b"!$&'()*+,;=:@".contains(&byte);
    match (byte, place) {
        (b'\\', _) => Err(Ambiguity::Backslash),
        (b'#', _) => Err(Ambiguity::Fragment),
        (b';', Place::Query) => Err(Ambiguity::QuerySeparator),
        (_, Place::Query) if b"/?[]{}|^`".contains(&byte) => Ok(()),
        _ if pchar => Ok(()),
        _ => Err(Ambiguity::ForbiddenByte),
    }
}

/// A byte that is written as `%XX`, followed by `tail`.
fn encoded(byte: u8, tail: &[u8], place: Place) -> Result<(), Ambiguity> {
    let again = tail.first_chunk::<2>().is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    match (byte, place) {
        _ if unreserved(byte) => Err(Ambiguity::EncodedUnreserved),
        (b'%', _) if again => Err(Ambiguity::DoubleEncoding),
        (b'/' | b'\\', Place::Segment) => Err(Ambiguity::EncodedSeparator),
        (0, _) => Err(Ambiguity::EncodedControl),
        (_, Place::Segment) if byte.is_ascii_control() => Err(Ambiguity::EncodedControl),
        _ => Ok(()),
    }
}

/// A decoded segment no server shortens, walks or strips.
fn segment(decoded: &str) -> Result<(), Ambiguity> {
    // Servers that know path parameters cut `..;x` to `..` and `;x` to nothing.
    let (name, parameters) = decoded.split_once(';').map_or((decoded, false), |(name, _)| (name, true));
    if name.is_empty() && parameters {
        return Err(Ambiguity::EmptySegment);
    }
    if !name.is_empty() && name.bytes().all(|b| b == b'.') {
        return Err(Ambiguity::DotSegment);
    }
    if name.ends_with(['.', ' ']) {
        return Err(Ambiguity::TrailingDot);
    }
    Ok(())
}

fn hex(digit: u8) -> Result<u8, Ambiguity> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        b'a'..=b'f' => Err(Ambiguity::LowercaseEncoding),
        _ => Err(Ambiguity::MalformedEncoding),
    }
}

const fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}
