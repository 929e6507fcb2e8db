//! Requests of git over smart HTTP (gitprotocol-http(5)), as method, path and query tell them.

use super::HttpTarget;
use crate::domain::scope::method::Method;

/// Which of the two programs the upstream is asked to run: what it can do at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::domain::scope) enum Service {
    /// It gives.
    UploadPack,
    /// It takes.
    ReceivePack,
}

/// One request: for what there is, or with what is wanted or sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::domain::scope) struct GitRequest<'a> {
    pub(in crate::domain::scope) service: Service,
    repository: Vec<&'a str>,
    advertises: bool,
}

impl HttpTarget {
    /// The request of git's that this is; `None` for everything else, what git's oldest protocol asks for ("dumb" HTTP) among it.
    pub(in crate::domain::scope) fn git(&self) -> Option<GitRequest<'_>> {
        let segments: Vec<&str> = self.segments().collect();
        let mut query = self.query_pairs();
        let (pair, more) = (query.next(), query.next());
        let (service, rest, advertises) = match (self.method(), segments.as_slice(), pair, more) {
            (Method::Get, [rest @ .., "info", "refs"], Some(("service", name)), None) => {
                (Service::named(name)?, rest, true)
            }
            (Method::Post, [rest @ .., name], None, None) => (Service::named(name)?, rest, false),
            _ => return None,
        };
        (!rest.is_empty()).then(|| GitRequest { service, repository: rest.to_vec(), advertises })
    }

    /// Whether this is a push: what follows says which refs it changes.
    #[must_use]
    pub fn is_git_push(&self) -> bool {
        self.git().is_some_and(|git| git.is_push())
    }
}

impl Service {
    fn named(name: &str) -> Option<Self> {
        match name {
            "git-upload-pack" => Some(Self::UploadPack),
            "git-receive-pack" => Some(Self::ReceivePack),
            _ => None,
        }
    }
}

impl GitRequest<'_> {
    /// The segments of the repository's path.
    pub(in crate::domain::scope) fn repository(&self) -> impl Iterator<Item = &str> {
        self.repository.iter().copied()
    }

    /// The repository's path, as it was sent.
    pub(in crate::domain::scope) fn path(&self) -> String {
        format!("/{}", self.repository.join("/"))
    }

    pub(in crate::domain::scope) fn is_push(&self) -> bool {
        self.service == Service::ReceivePack && !self.advertises
    }
}
