//! Extractors: what comes in, parsed once and strictly. A refusal names the field and never repeats a value.

mod batch;
mod fault;
mod form;
mod id;
mod idempotency;
mod json;
mod objects;
mod query;

pub use batch::EventBatch;
pub use form::StrictForm;
pub use id::Id;
pub use idempotency::IdempotencyKey;
pub use json::StrictJson;
pub(super) use json::{json_at, json_list};
pub use query::StrictQuery;
pub(super) use query::limit;
