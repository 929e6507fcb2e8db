//! Placeholders: what stands in the variables where tools look for a key.

use std::str::FromStr;

use crate::domain::identity::Identity;
use crate::domain::name::Name;
use crate::edges::wire::{SecretText, StandInBody};

/// A placeholder that is wanted: `UPSTREAM=IDENTITY`.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    upstream: Name,
    identity: Identity,
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (upstream, identity) =
            text.split_once('=').ok_or("write UPSTREAM=IDENTITY, as github=service:ci-bot")?;
        let upstream = upstream.parse().map_err(|error| format!("{error}"))?;
        Ok(Self { upstream, identity: identity.parse().map_err(|error| format!("{error}"))? })
    }
}

impl Wanted {
    /// As it is asked for.
    pub(super) fn body(&self) -> StandInBody {
        StandInBody { upstream: self.upstream.clone(), identity: self.identity.clone() }
    }
}

/// Where the tools of some upstreams look, beside `NAME_TOKEN`, which every upstream has.
const KNOWN: [(&str, &[&str]); 9] = [
    ("github", &["GH_TOKEN"]),
    ("gitlab", &["GITLAB_PRIVATE_TOKEN"]),
    ("npm", &["NODE_AUTH_TOKEN"]),
    ("crates-io", &["CARGO_REGISTRY_TOKEN"]),
    ("pypi", &["TWINE_PASSWORD"]),
    ("openai", &["OPENAI_API_KEY"]),
    ("anthropic", &["ANTHROPIC_API_KEY"]),
    ("cloudflare", &["CLOUDFLARE_API_TOKEN"]),
    ("huggingface", &["HF_TOKEN"]),
];

impl Wanted {
    /// The variables in which it will stand.
    pub(super) fn names(&self) -> Vec<String> {
        names(self.upstream.as_str()).collect()
    }
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} as {}", self.upstream, self.identity)
    }
}

/// The variables of the placeholder for this upstream.
pub(super) fn variables(upstream: &str, placeholder: &SecretText) -> Vec<(String, String)> {
    let set = |name: String| {
        // cargo sends what it finds as the whole of the header, and a bearer token is what its registries take.
        let scheme = if name.starts_with("CARGO_REGISTR") { "Bearer " } else { "" };
        (name, format!("{scheme}{}", placeholder.reveal()))
    };
    names(upstream).map(set).collect()
}

/// The variable that every upstream has.
pub(super) fn own_variable(upstream: &str) -> String {
    format!("{}_TOKEN", upper(upstream))
}

fn upper(upstream: &str) -> String {
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    upstream.chars().map(upper).collect()
}

fn names(upstream: &str) -> impl Iterator<Item = String> {
    let more = match KNOWN.iter().find(|(name, _)| *name == upstream) {
        Some((_, names)) => names.iter().map(|name| (*name).to_owned()).collect(),
        // It may be a registry of cargo's.
        None => vec![format!("CARGO_REGISTRIES_{}_TOKEN", upper(upstream))],
    };
    std::iter::once(own_variable(upstream)).chain(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(upstream: &str) -> Vec<(String, String)> {
        variables(upstream, &SecretText::new("exeat_pl_1".to_owned()))
    }

    #[test]
    fn a_placeholder_stands_where_the_tools_of_its_upstream_look() {
        let plain = |name: &str| (name.to_owned(), "exeat_pl_1".to_owned());
        assert_eq!(set("github"), ["GITHUB_TOKEN", "GH_TOKEN"].map(plain));
    }

    #[test]
    fn for_cargo_it_stands_as_the_whole_header() {
        let cargo = |name: &str| (name.to_owned(), "Bearer exeat_pl_1".to_owned());
        assert_eq!(set("crates-io")[1..], [cargo("CARGO_REGISTRY_TOKEN")]);
        assert_eq!(set("our-crates")[1..], [cargo("CARGO_REGISTRIES_OUR_CRATES_TOKEN")]);
    }
}
