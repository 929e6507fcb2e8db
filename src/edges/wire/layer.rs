//! Layers: enrolling them, what they may do, and what they report.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::secret::SecretText;
use crate::base::clock::Timestamp;
use crate::base::id::{AgentId, LayerId, PersonId};
use crate::domain::layer::LayerForm;
use crate::domain::name::Name;
use crate::domain::principal::Label;
use crate::domain::upstream::{Origin, Slot};

/// `POST /v1/layers`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerBody {
    /// Its name.
    #[schema(value_type = String, max_length = 64)]
    pub name: Label,
    /// How it hands over the request it asks about: `nginx`, `forwarded` or `envoy`.
    #[schema(value_type = String)]
    pub form: LayerForm,
    /// The upstreams it may ask about, by name.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub upstreams: BTreeSet<Name>,
    /// The agents whose tokens it may show, and on whose runs it may report.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub agents: BTreeSet<AgentId>,
    /// Whether it is answered with the credential, which it then holds.
    #[serde(default)]
    pub inject: bool,
    /// Seconds until its key stops working; left out, the installation's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u32>,
}

/// A layer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LayerView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: LayerId,
    /// Its name.
    #[schema(value_type = String)]
    pub name: Label,
    /// How it hands over the request it asks about.
    #[schema(value_type = String)]
    pub form: LayerForm,
    /// The upstreams it may ask about.
    #[schema(value_type = Vec<String>)]
    pub upstreams: BTreeSet<Name>,
    /// The agents whose tokens it may show, and on whose runs it may report.
    #[schema(value_type = Vec<String>)]
    pub agents: BTreeSet<AgentId>,
    /// Whether it is answered with the credential.
    pub inject: bool,
    /// The person who enrolled it.
    #[schema(value_type = String)]
    pub enrolled_by: PersonId,
    /// When its key stops working.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// When it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub removed_at: Option<Timestamp>,
}

/// A new layer, with its key: shown this once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LayerEnrolled {
    /// The layer.
    #[serde(flatten)]
    pub layer: LayerView,
    /// Its key.
    #[schema(read_only)]
    pub key: SecretText,
}

/// `GET /v1/layers`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LayerList {
    /// The layers, removed ones too.
    pub layers: Vec<LayerView>,
}

/// `GET /v1/layer`: what a layer may do.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LayerMe {
    /// The layer's id.
    #[schema(value_type = String)]
    pub layer: LayerId,
    /// Its name.
    #[schema(value_type = String)]
    pub name: Label,
    /// How it hands over the request it asks about.
    #[schema(value_type = String)]
    pub form: LayerForm,
    /// The upstreams it may ask about.
    pub upstreams: Vec<LayerUpstream>,
    /// The agents whose tokens it may show, and on whose runs it may report.
    #[schema(value_type = Vec<String>)]
    pub agents: BTreeSet<AgentId>,
    /// Whether it is answered with the credential.
    pub inject: bool,
    /// When its key stops working.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// An upstream as a layer sees it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LayerUpstream {
    /// Its name.
    #[schema(value_type = String)]
    pub name: Name,
    /// Where it answers.
    #[schema(value_type = Vec<String>)]
    pub origins: Vec<Origin>,
    /// Where the token is, and the credential goes.
    #[schema(value_type = String)]
    pub slot: Slot,
}

/// One event of `POST /v1/events` (CloudEvents 1.0, JSON event format).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloudEvent {
    /// `1.0`.
    pub specversion: String,
    /// What it is called at its source; with the source, its name.
    #[schema(min_length = 1, max_length = 256)]
    pub id: String,
    /// Where it comes from.
    #[schema(min_length = 1, max_length = 256)]
    pub source: String,
    /// `exeat.use.ended`, `exeat.seen.connection`, `exeat.seen.refusal` or `exeat.seen.file`.
    pub r#type: String,
    /// When, by the layer's own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub time: Option<Timestamp>,
    /// `application/json`, if it is said at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacontenttype: Option<String>,
    /// What happened; its members depend on the type.
    #[schema(value_type = Object)]
    pub data: Value,
}

/// What became of a batch.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventsNoted {
    /// For each event, in their order: `recorded`, `repeated` or `unknown`.
    pub events: Vec<String>,
}
