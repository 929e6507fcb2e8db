//! Patterns over path segments, shared by HTTP paths and file paths. They are not regular expressions.
//!
//! A pattern is a row of segments, each a literal or `*`, and may end in `**`:
//! - `*` stands for exactly one segment that is not empty;
//! - `**` stands for any rest, also none: `/a/**` allows `/a`, `/a/` and everything below. Whoever means only what is
//!   below writes `/a/*/**`.
//!
//! What a literal may contain is the caller's rule. No pattern crosses a `/` except by `**`.

use std::fmt;

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Segment {
    /// Exactly this text. Only the last one may be empty: it stands for a trailing slash.
    Literal(String),
    /// One segment that is not empty.
    Any,
}

/// A row of segments and whether anything may follow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Segments {
    segments: Vec<Segment>,
    rest: bool,
}

impl Segments {
    /// Reads `a/*/b/**`, without a leading slash; `literal` judges each literal segment.
    pub(super) fn parse(
        text: &str,
        literal: impl Fn(&str) -> Result<(), &'static str>,
    ) -> Result<Self, &'static str> {
        let mut pattern = Self { segments: Vec::new(), rest: false };
        for part in text.split('/') {
            if pattern.rest {
                return Err("put ** last, nothing may follow it");
            }
            match part {
                "**" => pattern.rest = true,
                "*" => pattern.segments.push(Segment::Any),
                _ if part.contains('*') => {
                    return Err("let * stand for one whole segment, or ** for the rest");
                }
                _ => {
                    literal(part)?;
                    pattern.segments.push(Segment::Literal(part.to_owned()));
                }
            }
        }
        Ok(pattern)
    }

    /// Whether these segments are allowed.
    pub(super) fn allow<'a>(&self, mut path: impl Iterator<Item = &'a str>) -> bool {
        let here = self.segments.iter().all(|segment| path.next().is_some_and(|part| segment.allows(part)));
        here && (self.rest || path.next().is_none())
    }

    /// Whether `other` allows whatever `self` does. Decides exactly: literals are drawn from an endless set.
    pub(super) fn within(&self, other: &Self) -> bool {
        let length = self.segments.len();
        let long_enough =
            if other.rest { length >= other.segments.len() } else { length == other.segments.len() };
        let open = other.rest || !self.rest;
        long_enough && open && self.segments.iter().zip(&other.segments).all(|(a, b)| a.within(b))
    }
}

impl fmt::Display for Segments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => text.as_str(),
            Segment::Any => "*",
        });
        for (index, part) in segments.chain(self.rest.then_some("**")).enumerate() {
            write!(f, "{}{part}", if index == 0 { "" } else { "/" })?;
        }
        Ok(())
    }
}

impl Segment {
    fn allows(&self, part: &str) -> bool {
        match self {
            Self::Literal(text) => text == part,
            Self::Any => !part.is_empty(),
        }
    }

    fn within(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(text), Self::Any) => !text.is_empty(),
            (a, b) => a == b,
        }
    }
}

/// The canonical list: sorted, each once, and without members that another member contains.
pub(super) fn canonical<T: Ord>(mut list: Vec<T>, within: impl Fn(&T, &T) -> bool) -> Vec<T> {
    list.sort();
    list.dedup();
    let spare: Vec<bool> =
        list.iter().map(|a| list.iter().any(|b| !std::ptr::eq(a, b) && within(a, b))).collect();
    list.into_iter().zip(spare).filter_map(|(member, spare)| (!spare).then_some(member)).collect()
}
