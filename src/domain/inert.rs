//! Text from agents and people that will be shown to somebody who decides: it can carry words and nothing else (F14).

use std::fmt;

use serde::{Deserialize, Serialize};

/// At most `MAX` characters, none of which moves the cursor, changes direction, joins or hides.
///
/// Refused, not cleaned: what a person is shown is what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Inert<const MAX: usize>(String);

/// The text cannot be shown safely.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "expected 1 to {max} characters on one line, without control, bidirectional or zero-width characters"
)]
pub struct NotInert {
    max: usize,
}

impl<const MAX: usize> Inert<MAX> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> std::str::FromStr for Inert<MAX> {
    type Err = NotInert;

    fn from_str(text: &str) -> Result<Self, NotInert> {
        Self::try_from(text.to_owned())
    }
}

impl<const MAX: usize> TryFrom<String> for Inert<MAX> {
    type Error = NotInert;

    fn try_from(text: String) -> Result<Self, NotInert> {
        let blank = text.trim().is_empty();
        if blank || text.chars().nth(MAX).is_some() || text.chars().any(is_active) {
            return Err(NotInert { max: MAX });
        }
        Ok(Self(text))
    }
}

impl<const MAX: usize> From<Inert<MAX>> for String {
    fn from(text: Inert<MAX>) -> Self {
        text.0
    }
}

impl<const MAX: usize> fmt::Display for Inert<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Control characters, line and paragraph separators, bidirectional controls, zero-width and invisible
/// characters, tags and private use (Unicode 16, general categories Cc, Cf, Zl, Zp, Co, and the fillers).
fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{E000}'..='\u{F8FF}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFD}'
            | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{10FFFF}')
}
