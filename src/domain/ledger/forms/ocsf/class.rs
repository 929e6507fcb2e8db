//! Which class and activity an event is, how it went and how grave it is.

use super::{outcome, target};
use crate::domain::ledger::event::Event;

/// Authentication.
pub(super) const AUTHENTICATION: u32 = 3002;
/// Application Lifecycle.
pub(super) const LIFECYCLE: u32 = 6002;
/// API Activity.
const API: u32 = 6003;

const UNKNOWN: u32 = 0;
const CREATE: u32 = 1;
const READ: u32 = 2;
const UPDATE: u32 = 3;
const DELETE: u32 = 4;
/// None that the schema names: `activity_name` says which.
pub(super) const OTHER: u32 = 99;

const SUCCESS: u32 = 1;
const FAILURE: u32 = 2;

const INFORMATIONAL: u32 = 1;
const LOW: u32 = 2;
const MEDIUM: u32 = 3;

/// The members that every OCSF event is classed by.
pub(super) struct Class {
    pub(super) uid: u32,
    pub(super) activity: u32,
    pub(super) status: u32,
    pub(super) severity: u32,
}

impl Class {
    pub(super) fn of(event: &Event) -> Self {
        match event {
            Event::Installed { .. } => Self { uid: LIFECYCLE, ..Self::done(1) },
            Event::Started { .. } => Self { uid: LIFECYCLE, ..Self::done(3) },
            Event::Stopped {} => Self { uid: LIFECYCLE, ..Self::done(4) },
            Event::AuthenticationFailed { .. } => {
                Self { uid: AUTHENTICATION, severity: MEDIUM, ..Self::failed(1) }
            }
            Event::SessionBegan { .. } => Self { uid: AUTHENTICATION, ..Self::done(1) },
            Event::SessionEnded { .. } => Self { uid: AUTHENTICATION, ..Self::done(2) },
            Event::ClockStepped { .. } => Self { severity: LOW, ..Self::done(OTHER) },
            Event::PersonAdded { .. }
            | Event::PasskeyRegistered { .. }
            | Event::AgentEnrolled { .. }
            | Event::LayerEnrolled { .. }
            | Event::IdentityAdded { .. }
            | Event::Requested { .. }
            | Event::TokenIssued { .. }
            | Event::RunStarted(_) => Self::done(CREATE),
            Event::LedgerRead { .. } => Self::done(READ),
            Event::PolicyChanged { .. }
            | Event::KeyRotated { .. }
            | Event::UpstreamDefined { .. }
            | Event::CredentialSealed { .. }
            | Event::ClientKeySealed { .. }
            | Event::Decided { .. }
            | Event::Cancelled { .. }
            | Event::Expired { .. }
            | Event::Revoked { .. }
            | Event::RunClimbed { .. }
            | Event::RunWidened { .. }
            | Event::RunEnded { .. } => Self::done(UPDATE),
            Event::PersonRemoved { .. }
            | Event::PasskeyRemoved { .. }
            | Event::AgentRemoved { .. }
            | Event::LayerRemoved { .. }
            | Event::TokenRevoked { .. } => Self::done(DELETE),
            Event::RequestRefused { .. } | Event::ExchangeRefused { .. } => Self::failed(CREATE),
            Event::DecisionRefused { .. } => Self::failed(UPDATE),
            Event::UseRefused(_) => Self::failed(by_method(event)),
            Event::StrangersRefused { .. } => Self::failed(OTHER),
            // How it ends is another entry.
            Event::UseStarted(_) => Self { status: UNKNOWN, ..Self::done(by_method(event)) },
            Event::UseFinished { .. } | Event::UseReported(_) => {
                Self { status: how(event), ..Self::done(OTHER) }
            }
            Event::ConnectionClosed { broken: Some(_), .. } => Self { status: FAILURE, ..Self::done(OTHER) },
            Event::UseUnfinished { .. } | Event::ConnectionUnfinished { .. } => {
                Self { status: UNKNOWN, severity: LOW, ..Self::done(OTHER) }
            }
            Event::RunStep { .. }
            | Event::ConnectionOpened(_)
            | Event::ConnectionClosed { .. }
            | Event::LayerReported(_) => Self::done(OTHER),
        }
    }

    const fn done(activity: u32) -> Self {
        Self { uid: API, activity, status: SUCCESS, severity: INFORMATIONAL }
    }

    const fn failed(activity: u32) -> Self {
        Self { uid: API, activity, status: FAILURE, severity: LOW }
    }
}

/// What a request does, by its method.
fn by_method(event: &Event) -> u32 {
    match target(event).and_then(|line| line.split(' ').next()) {
        Some("GET" | "HEAD" | "OPTIONS") => READ,
        Some("POST") => CREATE,
        Some("PUT" | "PATCH") => UPDATE,
        Some("DELETE") => DELETE,
        _ => UNKNOWN,
    }
}

/// A use went well when the upstream answered, and with no error.
fn how(event: &Event) -> u32 {
    match outcome(event) {
        Some(outcome) if outcome.broken.is_none() && outcome.status.is_some_and(|status| status < 400) => {
            SUCCESS
        }
        Some(outcome) if outcome.broken.is_none() && outcome.status.is_none() => UNKNOWN,
        _ => FAILURE,
    }
}
