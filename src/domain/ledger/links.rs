//! From an event to its name and to what it is about.

use super::event::{Event, Links};

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
            Self::AgentEnrolled { .. } => "agent_enrolled",
            Self::AgentRemoved { .. } => "agent_removed",
            Self::IdentityAdded { .. } => "identity_added",
            Self::UpstreamDefined { .. } => "upstream_defined",
            Self::CredentialSealed { .. } => "credential_sealed",
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
            Self::UseRefused(_) => "use_refused",
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
            Self::AgentRemoved { agent, .. } | Self::RequestRefused { agent, .. } => {
                Links { agent: Some(*agent), ..none }
            }
            Self::Requested { statement, .. } => Links {
                approval: Some(statement.approval),
                agent: Some(statement.agent.id),
                run: statement.run,
                usage: statement.step.refusal,
                ..none
            },
            Self::Decided { approval, agent, run, .. } => {
                Links { approval: Some(*approval), agent: Some(*agent), run: *run, ..none }
            }
            Self::DecisionRefused { approval, .. } => Links { approval: Some(*approval), ..none },
            Self::Cancelled { approval, agent }
            | Self::Expired { approval, agent, .. }
            | Self::Revoked { approval, agent, .. } => {
                Links { approval: Some(*approval), agent: Some(*agent), ..none }
            }
            Self::ExchangeRefused { agent, approval, .. } => {
                Links { approval: *approval, agent: Some(*agent), ..none }
            }
            Self::TokenRevoked { token, approval, agent, .. } => {
                Links { approval: Some(*approval), token: Some(*token), agent: Some(*agent), ..none }
            }
            Self::TokenIssued { token, approval, agent, run, .. } => Links {
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
            | Self::UseUnfinished { id, token, approval, agent, run } => Links {
                approval: Some(*approval),
                token: Some(*token),
                agent: Some(*agent),
                run: *run,
                usage: Some(*id),
            },
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
