//! Which names a listener answers to. A page that rebinds its own name to this address brings that name with it (F01, G12).

use std::collections::BTreeSet;
use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};

use crate::domain::problem::{Problem, ProblemKind};

/// The names of a listener: loopback always, and those an operator configured.
#[derive(Clone, Debug, Default)]
pub struct Hosts(BTreeSet<String>);

impl Hosts {
    /// Loopback and `names`: host names or IP literals, without a port.
    #[must_use]
    pub fn and(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Checks where a request says it is going, and which page it comes from.
    ///
    /// # Errors
    /// `request_ambiguous` without exactly one `Host` (RFC 9112 §3.2), `misdirected` for a name that is not ours, `cross_origin` for a
    /// page of another origin (RFC 6454 §7).
    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let host = one(headers, &header::HOST)?.ok_or_else(|| ambiguous("Send a Host header."))?;
        let host: Authority = host.parse().map_err(|_| ambiguous("The Host header is not a host."))?;
        let elsewhere = uri.authority().is_some_and(|target| target != &host);
        if elsewhere || host.as_str().contains('@') || !self.has(host.host()) {
            let detail = "Reach this listener by its configured name or by a loopback address.";
            return Err(Problem::new(ProblemKind::Misdirected, detail));
        }
        match one(headers, &header::ORIGIN)? {
            Some(origin) if !is_same(origin, &host) => {
                let detail =
                    "Pages of other origins are not answered; there is no ambient authority to borrow.";
                Err(Problem::new(ProblemKind::CrossOrigin, detail))
            }
            _ => Ok(()),
        }
    }

    fn has(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || literal.is_ok_and(|ip| ip.is_loopback()) || self.0.contains(&host)
    }
}

/// The header's value, if it is there; never the first of several.
fn one<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(|value| value.to_str());
    match (first, values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value)),
        _ => Err(ambiguous("Send each of Host and Origin once, in ASCII.")),
    }
}

fn ambiguous(detail: &str) -> Problem {
    Problem::new(ProblemKind::RequestAmbiguous, detail)
}

/// Whether a page of `origin` is a page of this very host and port. The scheme is left aside: TLS may end before us.
fn is_same(origin: &str, host: &Authority) -> bool {
    let page = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    page.is_some_and(|page| page.eq_ignore_ascii_case(host.as_str()))
}

#[cfg(test)]
mod tests {
    use axum::http::header::{HOST, ORIGIN};
    use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};

    use super::Hosts;

    fn told(uri: &str, said: &[(HeaderName, &'static str)]) -> &'static str {
        let mut headers = HeaderMap::new();
        for (name, value) in said {
            headers.append(name, HeaderValue::from_static(value));
        }
        let hosts = Hosts::and(["exeat.example.com".to_owned()]);
        let checked = hosts.check(&uri.parse::<Uri>().unwrap(), &headers);
        checked.map_or_else(|problem| problem.kind.name(), |()| "answered")
    }

    #[test]
    fn f01_only_loopback_and_configured_names_are_answered() {
        for host in
            ["127.0.0.1:8080", "127.8.9.1", "[::1]:1", "localhost:9", "LOCALHOST", "exeat.example.com:443"]
        {
            assert_eq!(told("/", &[(HOST, host)]), "answered", "{host}");
        }
        for host in
            ["evil.example.com", "localhost.evil.com", "10.0.0.1", "169.254.169.254", "127.0.0.1.nip.io"]
        {
            assert_eq!(told("/", &[(HOST, host)]), "misdirected", "{host}");
        }
        assert_eq!(told("/", &[(HOST, "evil.com@127.0.0.1")]), "misdirected");
        assert_eq!(told("http://evil.com/", &[(HOST, "127.0.0.1")]), "misdirected");
        assert_eq!(told("/", &[(HOST, "a b")]), "request_ambiguous");
    }

    #[test]
    fn a07_a_request_says_where_it_goes_exactly_once() {
        assert_eq!(told("/", &[]), "request_ambiguous");
        assert_eq!(told("/", &[(HOST, "127.0.0.1"), (HOST, "127.0.0.1")]), "request_ambiguous");
    }

    #[test]
    fn g12_a_page_of_another_origin_is_not_answered() {
        let from = |origin| told("/", &[(HOST, "localhost:9"), (ORIGIN, origin)]);
        assert_eq!(from("http://localhost:9"), "answered");
        for origin in ["null", "http://localhost", "http://localhost:10", "https://evil.com", "localhost:9"] {
            assert_eq!(from(origin), "cross_origin", "{origin}");
        }
    }
}
