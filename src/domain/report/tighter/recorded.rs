//! A recorded use, read back from its line in the log: method, path, names in the query, names in the body. The values were never there.

use std::collections::BTreeSet;

use super::pattern::Pattern;
use crate::domain::scope::Method;

/// What stands where a name or a value may not be shown.
const MASKED: &str = "***";

/// One request, as far as the log tells.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    /// As it was sent.
    pub(super) raw_path: String,
    /// The same by segments.
    pub(super) path: Pattern,
    pub(super) query: Query,
    pub(super) body: Option<Body>,
}

/// The names of the query.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    pub(super) names: BTreeSet<String>,
    /// Whether there was something without a name.
    pub(super) unnamed: bool,
}

/// What is known of a body that was read.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) kind: String,
    pub(super) names: Vec<String>,
    /// Whether these are all of them.
    pub(super) complete: bool,
}

impl Request {
    /// `None` for anything that is not written as a request is.
    pub(super) fn read(line: &str) -> Option<Self> {
        let (method, rest) = line.split_once(' ')?;
        let (url, body) = rest.split_once(' ').map_or((rest, None), |(url, body)| (url, Some(body)));
        let (_, rest) = url.split_once("://")?;
        let path_and_query = rest.get(rest.find('/')?..)?;
        let (path, query) = path_and_query
            .split_once('?')
            .map_or((path_and_query, None), |(path, query)| (path, Some(query)));
        Some(Self {
            method: method.parse().ok()?,
            raw_path: path.to_owned(),
            path: Pattern::of_path(path)?,
            query: query.map(Query::read).unwrap_or_default(),
            body: body.map_or(Some(None), |text| Body::read(text).map(Some))?,
        })
    }
}

impl Query {
    fn read(text: &str) -> Self {
        let mut query = Self::default();
        for pair in text.split('&') {
            match pair.strip_suffix("=***") {
                // A name that reads as a pattern, or as nothing, can be listed by no item.
                Some(name) if !name.is_empty() && !name.contains('*') => {
                    let _ = query.names.insert(name.to_owned());
                }
                _ => query.unnamed = true,
            }
        }
        query
    }
}

impl Body {
    fn read(text: &str) -> Option<Self> {
        let mut words = text.strip_prefix('[')?.strip_suffix(']')?.split(' ');
        let kind = words.next()?.to_owned();
        let names: Vec<String> = words.map(str::to_owned).collect();
        let told = |name: &String| name != MASKED && !name.starts_with('+');
        let complete = names.iter().all(told);
        Some(Self { kind, names, complete })
    }
}
