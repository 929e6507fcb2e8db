//! Why a body has no single reading: a closed set with stable names.

/// A body was refused because two systems could read it in two ways, or because it is of no known kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BodyFault {
    /// Longer than is read, as it came or decoded.
    #[error("the body is longer than is read for a rule about it")]
    TooLong,
    /// No type, two, or one that no rule is about; multipart among them (D12).
    #[error("the body's content type is none that a rule can be about")]
    Type,
    /// A charset other than UTF-8, or another parameter.
    #[error("the body's content type has a parameter that may change its meaning")]
    TypeParameter,
    /// An encoding that is not decoded here, or two.
    #[error("the body's content encoding is not gzip")]
    Encoding,
    /// Not gzip, damaged, or with something after it.
    #[error("the body is not one whole gzip stream")]
    Gzip,
    /// Not UTF-8.
    #[error("the body is not UTF-8")]
    Utf8,
    /// Not one JSON value, with nothing before or after it; a byte order mark is something.
    #[error("the body is not one JSON value")]
    Json,
    /// A name occurs twice in an object, perhaps in another case, and readers differ in which they take.
    #[error("a name occurs twice in an object of the body")]
    RepeatedName,
    /// More values than are looked at.
    #[error("the body holds too many values")]
    TooMany,
    /// Not `name=value` pairs in one spelling, or a name that occurs twice.
    #[error("the body is not a form in which each name occurs once")]
    Form,
    /// Not ref updates as git sends them, too many, or two of one ref.
    #[error("the body is not a push that can be judged")]
    Push,
    /// A signed push.
    #[error("the push is signed, and says what it changes in a form that is not judged")]
    PushSigned,
    /// A push with options.
    #[error("the push has options, which the upstream may take for anything")]
    PushOptions,
}

impl BodyFault {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLong => "body_over_limit",
            Self::Type => "body_type",
            Self::TypeParameter => "body_type_parameter",
            Self::Encoding => "body_encoding",
            Self::Gzip => "body_gzip",
            Self::Utf8 => "body_utf8",
            Self::Json => "body_json",
            Self::RepeatedName => "body_name_twice",
            Self::TooMany => "body_too_many_values",
            Self::Form => "body_form",
            Self::Push => "git_push",
            Self::PushSigned => "git_push_signed",
            Self::PushOptions => "git_push_options",
        }
    }
}
