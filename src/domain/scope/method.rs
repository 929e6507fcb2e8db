//! The HTTP methods that can be granted: a closed set, spelt one way.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A request method (RFC 9110 §9.3, RFC 5789). Each stands for itself only: GET does not bring HEAD with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are the methods")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

/// The text is not a method that can be granted. Methods are case-sensitive (RFC 9110 §9.1).
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")]
pub struct UnknownMethod;

impl Method {
    /// Every method there is, in canonical order.
    pub const ALL: [Self; 7] =
        [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Options];

    /// The method as it is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    /// A body means nothing there (RFC 9110 §9.3.1, §9.3.2, §9.3.7), and some servers read one all the same.
    #[must_use]
    pub const fn looks_for_no_body(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options)
    }
}

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        Self::ALL.into_iter().find(|method| method.as_str() == text).ok_or(UnknownMethod)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
