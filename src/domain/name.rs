//! Names that people and agents give to things: short, printable, one reading.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A name of an upstream, an agent or a person, in 1 to 64 of `a-z 0-9 . _ -`, first and last a letter or digit.
///
/// Names are for reading. Ids decide (J02).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Name(String);

/// The text is not a name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected 1 to 64 of a-z 0-9 . _ - with a letter or digit first and last")]
pub struct InvalidName;

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let edges = text.bytes().next().is_some_and(word) && text.bytes().next_back().is_some_and(word);
        if !edges || text.len() > 64 || !text.bytes().all(|b| word(b) || b"._-".contains(&b)) {
            return Err(InvalidName);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}
