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
    names(upstream).map(|name| (name, placeholder.reveal().to_owned())).collect()
}

fn names(upstream: &str) -> impl Iterator<Item = String> {
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let own = format!("{}_TOKEN", upstream.chars().map(upper).collect::<String>());
    let known = KNOWN.iter().find(|(name, _)| *name == upstream).map_or(&[][..], |(_, names)| *names);
    std::iter::once(own).chain(known.iter().map(|name| (*name).to_owned()))
}
