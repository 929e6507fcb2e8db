//! A batch of CloudEvents in the JSON batch format (CloudEvents 1.0, JSON event format §4): bounded, read as strictly as any body.

use axum::extract::{FromRequest, Request};

use super::json::{expect_content_type, parse, read};
use crate::domain::problem::Problem;
use crate::edges::problem::invalid;
use crate::edges::wire::CloudEvent;

/// The longest batch, in bytes.
const LONGEST: usize = 256 * 1024;
/// The most events of one batch.
const MOST: usize = 100;

/// The events of a batch.
pub struct EventBatch(pub Vec<CloudEvent>);

impl<S: Send + Sync> FromRequest<S> for EventBatch {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        expect_content_type(request.headers(), "application/cloudevents-batch+json")?;
        let events: Vec<CloudEvent> = parse(&read(request.into_body(), LONGEST).await?)?;
        if events.is_empty() || events.len() > MOST {
            return Err(invalid("body", &format!("give 1 to {MOST} events")));
        }
        Ok(Self(events))
    }
}
