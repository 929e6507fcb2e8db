//! Why a request has no single reading: a closed set with stable names.

/// A request was refused because two systems could read it in two ways, or because it is of no known kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Ambiguity {
    /// Neither a path from the root, nor anything else that is understood (`*`, absolute form).
    #[error("the request target must be a path that begins with /")]
    NotAbsolute,
    /// Longer than is judged.
    #[error("the request target is too long")]
    TooLong,
    /// A control, a space, a non-ASCII byte or a character that must be percent-encoded.
    #[error("a character that must be percent-encoded is not")]
    ForbiddenByte,
    /// `\`, which some servers read as `/`.
    #[error("a backslash is read as a separator by some servers")]
    Backslash,
    /// `#` and what follows are never sent.
    #[error("a fragment is never part of a request")]
    Fragment,
    /// `//`, or a segment that is nothing but path parameters.
    #[error("an empty path segment is removed by some servers")]
    EmptySegment,
    /// `.`, `..`, `...` and the like, also with path parameters.
    #[error("a path segment of dots is resolved by some servers")]
    DotSegment,
    /// A segment that ends in a dot or a space.
    #[error("a dot or a space at the end of a path segment is cut off by some servers")]
    TrailingDot,
    /// `%2F` or `%5C` inside a path.
    #[error("an encoded separator in the path is decoded by some servers")]
    EncodedSeparator,
    /// `%00`, and every encoded control inside a path.
    #[error("an encoded control character is cut off or read as a line end by some servers")]
    EncodedControl,
    /// `%41` for `A`: a second spelling of the same request.
    #[error("a character is percent-encoded that needs no encoding")]
    EncodedUnreserved,
    /// `%c3` for `%C3`: a second spelling of the same request.
    #[error("percent-encoding must use upper-case digits")]
    LowercaseEncoding,
    /// `%` without two hexadecimal digits.
    #[error("a % must be followed by two hexadecimal digits")]
    MalformedEncoding,
    /// `%25` followed by two hexadecimal digits.
    #[error("the request target is percent-encoded twice")]
    DoubleEncoding,
    /// What decodes is not UTF-8, overlong forms included.
    #[error("the decoded text is not UTF-8")]
    InvalidUtf8,
    /// `;` in a query, which some servers read as `&`.
    #[error("a semicolon in the query is read as a separator by some servers")]
    QuerySeparator,
    /// A method that cannot be granted.
    #[error("the method is not one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")]
    UnknownMethod,
    /// A host that is not in canonical form.
    #[error("the host is not in canonical form")]
    InvalidHost,
    /// Port 0.
    #[error("the port must be from 1 to 65535")]
    InvalidPort,
    /// The query parameter that carries the token is not there.
    #[error("the query parameter that carries the token is missing")]
    SlotMissing,
    /// The query parameter that carries the token is there more than once, in whatever case.
    #[error("the query parameter that carries the token occurs more than once")]
    SlotRepeated,
}

impl Ambiguity {
    /// The stable name, for problem documents, entries and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAbsolute => "not_absolute",
            Self::TooLong => "too_long",
            Self::ForbiddenByte => "forbidden_byte",
            Self::Backslash => "backslash",
            Self::Fragment => "fragment",
            Self::EmptySegment => "empty_segment",
            Self::DotSegment => "dot_segment",
            Self::TrailingDot => "trailing_dot",
            Self::EncodedSeparator => "encoded_separator",
            Self::EncodedControl => "encoded_control",
            Self::EncodedUnreserved => "encoded_unreserved",
            Self::LowercaseEncoding => "lowercase_encoding",
            Self::MalformedEncoding => "malformed_encoding",
            Self::DoubleEncoding => "double_encoding",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::QuerySeparator => "query_separator",
            Self::UnknownMethod => "unknown_method",
            Self::InvalidHost => "invalid_host",
            Self::InvalidPort => "invalid_port",
            Self::SlotMissing => "slot_missing",
            Self::SlotRepeated => "slot_repeated",
        }
    }
}
