//! Where something goes, taken from how the log writes it: `GET https://host:port/path?name=***`, or `host:port`.

use serde_json::{Map, Value, json};

/// A request, as far as its line says it.
pub(super) struct Place<'a> {
    pub(super) method: &'a str,
    url: &'a str,
    scheme: &'a str,
    authority: &'a str,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// `None` when it is not written as a request: of what was refused, not always all could be read.
    pub(super) fn read(line: &'a str) -> Option<Self> {
        let mut words = line.split(' ');
        let (method, url) = (words.next()?, words.next()?);
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path_and_query) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (path, query) = path_and_query
            .split_once('?')
            .map_or((path_and_query, None), |(path, query)| (path, Some(query)));
        Some(Self { method, url, scheme, authority, path, query })
    }

    /// The host, without its port.
    pub(super) fn host(&self) -> &'a str {
        split(self.authority).0
    }

    pub(super) fn http_request(&self) -> Value {
        let mut url = Map::new();
        let mut set = |name: &str, value: Value| drop(url.insert(name.to_owned(), value));
        set("url_string", self.url.into());
        set("scheme", self.scheme.into());
        set("hostname", self.host().into());
        if let Some(port) = split(self.authority).1 {
            set("port", port.into());
        }
        if !self.path.is_empty() {
            set("path", self.path.into());
        }
        if let Some(query) = self.query {
            set("query_string", query.into());
        }
        json!({ "http_method": self.method, "url": url })
    }

    pub(super) fn endpoint(&self) -> Value {
        endpoint(self.authority)
    }
}

/// `host:port` as an endpoint.
pub(super) fn endpoint(authority: &str) -> Value {
    match split(authority) {
        (host, Some(port)) => json!({ "hostname": host, "port": port }),
        (host, None) => json!({ "hostname": host }),
    }
}

fn split(authority: &str) -> (&str, Option<u16>) {
    let port = authority.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    port.map_or((authority, None), |(host, port)| (host, Some(port)))
}
