//! How much an item lets an agent do: what waits for a person is shown by it.

use super::{Access, ScopeItem};

/// How much an item lets an agent do. Where nobody knows, it is the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// It looks.
    Reads,
    /// It reaches hosts, with whatever it has seen.
    Reaches,
    /// It changes something.
    Changes,
}

impl ScopeItem {
    /// How much the item lets an agent do.
    #[must_use]
    pub fn weight(&self) -> Weight {
        let by_access = |access| if access == Access::Read { Weight::Reads } else { Weight::Changes };
        match self {
            // A method that looks for no body reads (RFC 9110 §9.2.1).
            Self::Http(item) if item.methods().iter().all(|method| method.looks_for_no_body()) => {
                Weight::Reads
            }
            Self::Http(_) => Weight::Changes,
            Self::Git(item) => by_access(item.access()),
            Self::Network(_) => Weight::Reaches,
            Self::Filesystem(item) => by_access(item.access()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ScopeItem, Weight};

    #[test]
    fn what_only_looks_is_light_and_what_may_change_something_is_heavy() {
        let http = |methods: &[&str]| json!({"type": "http", "upstream": "forge", "methods": methods, "paths": ["/a"]});
        let git = |access: &str| json!({"type": "git", "upstream": "forge", "repositories": ["/a"], "access": access});
        let files = |access: &str| json!({"type": "filesystem", "access": access, "paths": ["a"]});
        let mut push = git("write");
        push["refs"] = json!(["refs/heads/a"]);
        let weighed = [
            (http(&["GET", "HEAD", "OPTIONS"]), Weight::Reads),
            (http(&["GET", "POST"]), Weight::Changes),
            (git("read"), Weight::Reads),
            (push, Weight::Changes),
            (json!({"type": "network", "hosts": ["example.com:443"]}), Weight::Reaches),
            (files("read"), Weight::Reads),
            (files("write"), Weight::Changes),
        ];
        for (item, weight) in weighed {
            assert_eq!(ScopeItem::parse(&item).unwrap().weight(), weight, "{item}");
        }
    }
}
