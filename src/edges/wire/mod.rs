//! The bodies of the wire contract (design §15), one shape for who sends and who reads.
//!
//! They carry what was said; they decide nothing. Scope items and statements travel as JSON: the domain parses them.
//! What comes in refuses unknown fields; what goes out may grow, so that an older client can still read it.

mod approval;
mod layer;
mod ledger;
mod oauth;
mod principal;
mod report;
mod run;
mod secret;
mod setup;
mod why;

pub use approval::{
    Answer, AnswerView, ApprovalList, ApprovalReview, ApprovalView, DecisionBody, DecisionView, FileView,
    LimitsBody, LimitsView, OwnApprovals, RequestBody,
};
pub use layer::{
    CloudEvent, EventsNoted, LayerBody, LayerEnrolled, LayerList, LayerMe, LayerUpstream, LayerView,
};
pub use ledger::{ConsistencyProof, EntryList, EntryView, InclusionProof};
pub use oauth::{
    GRANT_TYPE, ISSUED_TOKEN_TYPE, Introspection, KeySet, Metadata, OAuthError, SUBJECT_TOKEN_TYPE,
    TokenAnswer, TokenForm, TokenHandle,
};
pub use principal::{
    AgentBody, AgentEnrolled, AgentList, AgentMe, AgentView, LoginLink, PersonAdded, PersonBody, PersonList,
    PersonMe, PersonView,
};
pub use report::{ApproverView, Report, TighterView, TriggerView, UsedView};
pub use run::{ClimbBody, EndBody, FilesBody, PasswordFor, RunBody, RunStarted, StandInBody, StepBody};
pub use secret::SecretText;
pub use setup::{
    CredentialBody, CredentialList, CredentialView, IdentityBody, IdentityList, KeyRotated, UpstreamBody,
    UpstreamList, UpstreamView, VaultRotated,
};
pub use why::{WhyAnswer, WhyBody};
