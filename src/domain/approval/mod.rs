//! Approvals: a request and its decision, one record with one id (design §6).
//!
//! ```text
//! pending ─┬─▶ approved ─┬─▶ spent ───┐
//!          ├─▶ denied    ├─▶ revoked ◀┘
//!          ├─▶ expired ◀─┤
//!          └─▶ cancelled
//! ```
//!
//! Every transition consumes the approval and gives back the next, or says why not. Nothing here widens.

mod decision;
mod exchange;
mod history;
mod limits;
mod policy;
mod state;
mod statement;

pub use decision::{Authentication, Decision, ItemDecision, Verdict};
pub use exchange::{Exchange, ExchangeRefused, Narrowing};
pub use history::History;
pub use limits::{InvalidLimits, Limits};
pub use policy::{Policy, PolicyRefusal, SignatureFor};
pub(in crate::domain) use state::narrowest;
pub use state::{Approval, DecideRefused, Grant, NotPossible, State};
pub use statement::{AgentRef, Reason, Statement};
