//! From an event to its name and to what it is about.

use super::event::Event;
use crate::base::id::{AgentId, ApprovalId, RunId, TokenId, UseId};
use crate::domain::connection::ConnectionStart;
use crate::domain::reported::UseReport;

/// What an entry is about: the columns by which a report finds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The approval.
    pub approval: Option<ApprovalId>,
    /// The token.
    pub token: Option<TokenId>,
    /// The agent.
    pub agent: Option<AgentId>,
    /// The run.
    pub run: Option<RunId>,
    /// The use.
    pub usage: Option<UseId>,
}

impl Event {
    /// The event's name: the `type` of its JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Installed { .. } => "installed",
            Self::Started { .. } => "started",
            Self::Stopped { .. } => "stopped",
            Self::ClockStepped { .. } => "clock_stepped",
            Self::PolicyChanged { .. } => "policy_changed",
            Self::KeyRotated { .. } => "key_rotated",
            Self::PersonAdded { .. } => "person_added",
            Self::PersonRemoved { .. } => "person_removed",
            Self::SessionBegan { .. } => "session_began",
            Self::SessionEnded { .. } => "session_ended",
            Self::PasskeyRegistered { .. } => "passkey_registered",
            Self::PasskeyRemoved { .. } => "passkey_removed",
            Self::AgentEnrolled { .. } => "agent_enrolled",
            Self::AgentRemoved { .. } => "agent_removed",
            Self::LayerEnrolled { .. } => "layer_enrolled",
            Self::LayerRemoved { .. } => "layer_removed",
            Self::IdentityAdded { .. } => "identity_added",
            Self::UpstreamDefined { .. } => "upstream_defined",
            Self::CredentialSealed { .. } => "credential_sealed",
            Self::ClientKeySealed { .. } => "client_key_sealed",
            Self::Requested { .. } => "requested",
            Self::RequestRefused { .. } => "request_refused",
            Self::Decided { .. } => "decided",
            Self::DecisionRefused { .. } => "decision_refused",
            Self::Cancelled { .. } => "cancelled",
            Self::Expired { .. } => "expired",
            Self::Revoked { .. } => "revoked",
            Self::TokenIssued { .. } => "token_issued",
            Self::ExchangeRefused { .. } => "exchange_refused",
            Self::TokenRevoked { .. } => "token_revoked",
            Self::UseStarted(_) => "use_started",
            Self::UseFinished { .. } => "use_finished",
            Self::UseUnfinished { .. } => "use_unfinished",
            Self::UseReported(_) => "use_reported",
            Self::UseRefused(_) => "use_refused",
            Self::RunStarted(_) => "run_started",
            Self::RunStep { .. } => "run_step",
            Self::RunClimbed { .. } => "run_climbed",
            Self::RunWidened { .. } => "run_widened",
            Self::RunEnded { .. } => "run_ended",
            Self::ConnectionOpened(_) => "connection_opened",
            Self::ConnectionClosed { .. } => "connection_closed",
            Self::ConnectionUnfinished { .. } => "connection_unfinished",
            Self::LayerReported(_) => "layer_reported",
            Self::AuthenticationFailed { .. } => "authentication_failed",
            Self::StrangersRefused { .. } => "strangers_refused",
            Self::LedgerRead { .. } => "ledger_read",
        }
    }

    /// What the event is about.
    #[must_use]
    pub fn links(&self) -> Links {
        let none = Links::default();
        match self {
            Self::AgentEnrolled { agent, .. } => Links { agent: Some(agent.id), ..none },
            Self::AgentRemoved { agent, .. } => Links { agent: Some(*agent), ..none },
            Self::RequestRefused { agent, run, .. } => Links { agent: Some(*agent), run: *run, ..none },
            Self::Requested { statement, .. } => Links {
                approval: Some(statement.approval),
                agent: Some(statement.agent.id),
                run: statement.run,
                usage: statement.step.refusal,
                ..none
            },
            Self::DecisionRefused { approval, .. } => Links { approval: Some(*approval), ..none },
            Self::Decided { approval, agent, run, .. }
            | Self::Cancelled { approval, agent, run }
            | Self::Expired { approval, agent, run, .. }
            | Self::Revoked { approval, agent, run, .. } => {
                Links { approval: Some(*approval), agent: Some(*agent), run: *run, ..none }
            }
            Self::ExchangeRefused { agent, approval, run, .. } => {
                Links { approval: *approval, agent: Some(*agent), run: *run, ..none }
            }
            Self::RunStarted(run) => Links { agent: Some(run.agent), run: Some(run.id), ..none },
            Self::RunStep { run, agent, .. }
            | Self::RunClimbed { run, agent, .. }
            | Self::RunEnded { run, agent, .. } => Links { agent: Some(*agent), run: Some(*run), ..none },
            Self::RunWidened { run, agent, approval, .. } => {
                Links { approval: Some(*approval), agent: Some(*agent), run: Some(*run), ..none }
            }
            Self::ConnectionOpened(ConnectionStart { run, agent, approval, .. })
            | Self::ConnectionClosed { run, agent, approval, .. }
            | Self::ConnectionUnfinished { run, agent, approval, .. } => {
                Links { approval: *approval, agent: Some(*agent), run: Some(*run), ..none }
            }
            Self::TokenRevoked { token, approval, agent, run, .. }
            | Self::TokenIssued { token, approval, agent, run, .. } => Links {
                approval: Some(*approval),
                token: Some(*token),
                agent: Some(*agent),
                run: *run,
                ..none
            },
            Self::UseStarted(start) => Links {
                approval: Some(start.approval),
                token: Some(start.token),
                agent: Some(start.agent),
                run: start.run,
                usage: Some(start.id),
            },
            Self::UseFinished { id, token, approval, agent, run, .. }
            | Self::UseReported(UseReport { id, token, approval, agent, run, .. })
            | Self::UseUnfinished { id, token, approval, agent, run } => Links {
                approval: Some(*approval),
                token: Some(*token),
                agent: Some(*agent),
                run: *run,
                usage: Some(*id),
            },
            Self::LayerReported(sighting) => {
                Links { agent: Some(sighting.agent), run: Some(sighting.run), ..none }
            }
            Self::UseRefused(refusal) => Links {
                approval: refusal.approval,
                token: refusal.token,
                agent: Some(refusal.agent),
                run: refusal.run,
                usage: Some(refusal.id),
            },
            _ => none,
        }
    }
}
