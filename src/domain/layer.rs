//! Layers: other people's proxies and sandboxes, which ask for verdicts and report what they saw. What one may do is said when it is
//! enrolled, and nothing goes without saying.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::name::Name;
use super::principal::Label;
use crate::base::clock::Timestamp;
use crate::base::id::{AgentId, LayerId, PersonId};

/// A sandbox or network layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Its id.
    pub id: LayerId,
    /// Its name.
    pub name: Label,
    /// How it hands over the request it asks about; said in any other way it is refused.
    pub form: LayerForm,
    /// The upstreams it may ask about. None by default.
    pub upstreams: BTreeSet<Name>,
    /// The agents whose tokens it may show, and on whose runs it may report. None by default.
    pub agents: BTreeSet<AgentId>,
    /// Whether it is answered with the credential, which it then holds.
    pub inject: bool,
    /// The person who enrolled it.
    pub enrolled_by: PersonId,
    /// When its key stops working (I8).
    pub expires_at: Timestamp,
    /// When it was removed.
    pub removed_at: Option<Timestamp>,
}

impl Layer {
    /// Whether its key works at `now`.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.removed_at.is_none() && now < self.expires_at
    }
}

/// How a layer hands over the request it asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerForm {
    /// `X-Original-Method` and `X-Original-URL`, as for nginx's `auth_request`.
    Nginx,
    /// `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`, as Traefik's `ForwardAuth` and Caddy's `forward_auth` send them.
    Forwarded,
    /// The method and, behind a prefix, the path of the question itself, with `X-Forwarded-Proto` and `-Host`, as for Envoy's
    /// `ext_authz` over HTTP.
    Envoy,
}

impl LayerForm {
    /// Every form.
    pub const ALL: [Self; 3] = [Self::Nginx, Self::Forwarded, Self::Envoy];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Forwarded => "forwarded",
            Self::Envoy => "envoy",
        }
    }
}

impl FromStr for LayerForm {
    type Err = UnknownForm;

    fn from_str(text: &str) -> Result<Self, UnknownForm> {
        Self::ALL.into_iter().find(|form| form.as_str() == text).ok_or(UnknownForm)
    }
}

/// The text does not name a form.
#[derive(Debug, thiserror::Error)]
#[error("expected `nginx`, `forwarded` or `envoy`")]
pub struct UnknownForm;

/// That a use was asked for by a layer, which makes the request itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Via {
    /// The layer.
    pub layer: LayerId,
    /// Whether it was given the credential.
    pub injected: bool,
}
