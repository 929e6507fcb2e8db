//! One request to an upstream, as it will be sent.

use std::fmt::{self, Write};
use std::sync::Arc;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{Ambiguity, BodyFacts};
use crate::domain::name::Name;
use crate::domain::scope::host::Host;
use crate::domain::scope::method::Method;
use crate::domain::scope::percent::{Place, check};
use crate::domain::upstream::{Origin, Scheme};

/// The longest path and query that is judged, in bytes.
const MAX_TARGET: usize = 8 * 1024;

/// A request that has exactly one reading: upstream, origin, method, path and query as raw bytes, and what its body says where that
/// was looked at.
///
/// Query and body values never show: `Display` and `Debug` print the [redacted](Self::redacted) form.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpTarget {
    upstream: Name,
    origin: Origin,
    method: Method,
    raw: String,
    slot: Option<Slot>,
    body: Option<Arc<BodyFacts>>,
}

/// A query parameter that belongs to the credential: where it stands in `raw`. Its value there is empty.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Slot {
    start: usize,
    end: usize,
}

impl HttpTarget {
    /// Takes a request apart as far as needed to know that it has one reading.
    ///
    /// # Errors
    /// The first reason found why it has not. Nothing is repaired.
    pub fn new(
        upstream: Name,
        scheme: Scheme,
        host: &str,
        port: u16,
        method: &str,
        path_and_query: &str,
    ) -> Result<Self, Ambiguity> {
        let host: Host = host.parse().map_err(|_| Ambiguity::InvalidHost)?;
        let origin = Origin { scheme, host: host.to_string(), port };
        if port == 0 {
            return Err(Ambiguity::InvalidPort);
        }
        let method = method.parse().map_err(|_| Ambiguity::UnknownMethod)?;
        one_reading(path_and_query)?;
        Ok(Self { upstream, origin, method, raw: path_and_query.to_owned(), slot: None, body: None })
    }

    /// Takes the query parameter that carries the token (slot `query:NAME`) out of what is judged, and its value out
    /// of the target. The parameter keeps its place, for [`Self::placed`].
    ///
    /// # Errors
    /// The parameter is missing, or there more than once. Names that differ only in case count as one here: some
    /// upstreams would take either (J02, C15).
    pub fn without_query(self, name: &str) -> Result<(Self, Zeroizing<String>), Ambiguity> {
        let whole = Zeroizing::new(self.raw);
        let (slot, after) = slot(&whole, name)?;
        let [before, value, after] = [whole.get(..slot.end), whole.get(slot.end..after), whole.get(after..)]
            .map(Option::unwrap_or_default);
        let raw = [before, after].concat();
        Ok((Self { raw, slot: Some(slot), ..self }, Zeroizing::new(value.to_owned())))
    }

    /// The same request with what its body says.
    #[must_use]
    pub fn with_body(self, facts: BodyFacts) -> Self {
        Self { body: Some(Arc::new(facts)), ..self }
    }

    /// What its body says; `None` when nobody looked, or when there is none.
    #[must_use]
    pub fn body(&self) -> Option<&BodyFacts> {
        self.body.as_deref()
    }

    /// The upstream that was chosen for this request.
    #[must_use]
    pub const fn upstream(&self) -> &Name {
        &self.upstream
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Where the request goes.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Exactly the bytes that were judged, and that are sent. After [`Self::without_query`] the token's parameter is
    /// still there, with an empty value.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        &self.raw
    }

    /// What is sent when the credential goes into the query: the bytes that were judged, with the credential,
    /// percent-encoded, as the value of the parameter that carried the token. `None` when no parameter did.
    #[must_use]
    pub fn placed(&self, credential: &[u8]) -> Option<Zeroizing<String>> {
        let (before, after) = self.raw.split_at_checked(self.slot?.end)?;
        // Room for the longest case, so that no copy is left behind by growing.
        let mut sent = Zeroizing::new(String::with_capacity(self.raw.len() + 3 * credential.len()));
        sent.push_str(before);
        for &byte in credential {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                sent.push(char::from(byte));
            } else {
                write!(sent, "%{byte:02X}").ok()?;
            }
        }
        sent.push_str(after);
        Some(sent)
    }

    /// Method, origin, path and query names, and the names in a body that was looked at. Values are masked: a credential or an
    /// agent's data may hide there.
    #[must_use]
    pub fn redacted(&self) -> String {
        let (path, _) = split(&self.raw);
        let mut shown = format!("{} {}{path}", self.method, self.origin);
        for (index, pair) in pairs(&self.raw).enumerate() {
            shown.push(if index == 0 { '?' } else { '&' });
            // A pair without `=` may be a value as well as a name.
            shown.extend(if pair.named { [pair.name, "=***"] } else { ["***", ""] });
        }
        if let Some(facts) = &self.body {
            shown.push(' ');
            shown.push_str(&facts.summary());
        }
        shown
    }

    /// Each name of the query with the list of its values, as they are sent.
    pub(in crate::domain) fn query_listed(&self) -> Map<String, Value> {
        let mut listed = Map::new();
        for (name, value) in self.query_pairs() {
            let values = listed.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            if let Some(values) = values.as_array_mut() {
                values.push(value.into());
            }
        }
        listed
    }

    /// The path's segments, the last one empty when the path ends in `/`.
    pub(in crate::domain::scope) fn segments(&self) -> impl Iterator<Item = &str> {
        let (path, _) = split(&self.raw);
        path.strip_prefix('/').unwrap_or(path).split('/')
    }

    /// The query's names and values in order, without the token's parameter.
    pub(in crate::domain::scope) fn query_pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let judged = |pair: &Pair<'_>| self.slot.is_none_or(|slot| slot.start != pair.start);
        pairs(&self.raw).filter(judged).map(|pair| (pair.name, pair.value))
    }
}

impl fmt::Display for HttpTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl fmt::Debug for HttpTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpTarget({} {})", self.upstream, self.redacted())
    }
}

/// One `name=value` of the query, and where it stands in the request target.
struct Pair<'a> {
    name: &'a str,
    value: &'a str,
    named: bool,
    start: usize,
    end: usize,
}

fn one_reading(raw: &str) -> Result<(), Ambiguity> {
    if raw.len() > MAX_TARGET {
        return Err(Ambiguity::TooLong);
    }
    let (path, query) = split(raw);
    let mut segments = path.strip_prefix('/').ok_or(Ambiguity::NotAbsolute)?.split('/').peekable();
    while let Some(segment) = segments.next() {
        if segment.is_empty() && segments.peek().is_some() {
            return Err(Ambiguity::EmptySegment);
        }
        check(segment, Place::Segment)?;
    }
    // `&` and `=` separate, so a part cannot hold them and the whole can be checked at once.
    check(query.unwrap_or_default(), Place::Query)
}

/// Where the one parameter of this name stands without its value, and where its value ends.
fn slot(raw: &str, name: &str) -> Result<(Slot, usize), Ambiguity> {
    let mut found = pairs(raw).filter(|pair| pair.name.eq_ignore_ascii_case(name));
    let pair = found.next().ok_or(Ambiguity::SlotMissing)?;
    if found.next().is_some() {
        return Err(Ambiguity::SlotRepeated);
    }
    if pair.name != name || pair.value.is_empty() {
        return Err(Ambiguity::SlotMissing);
    }
    Ok((Slot { start: pair.start, end: pair.end - pair.value.len() }, pair.end))
}

fn split(raw: &str) -> (&str, Option<&str>) {
    raw.split_once('?').map_or((raw, None), |(path, query)| (path, Some(query)))
}

fn pairs(raw: &str) -> impl Iterator<Item = Pair<'_>> {
    let (path, query) = split(raw);
    let mut start = path.len() + 1;
    query.into_iter().flat_map(|query| query.split('&')).map(move |text| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let end = start + text.len();
        let pair = Pair { name, value, named: text.contains('='), start, end };
        start = end + 1;
        pair
    })
}
