//! What changes, as it changes (WHATWG HTML §9.2, server-sent events). It says only that something did: a page then asks anew.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::broadcast::error::RecvError;

use super::visitor::Visitor;
use crate::edges::state::Edge;

/// How long a session that ended may go on being told that something changed.
const LOOK: Duration = Duration::from_secs(15);

pub(super) async fn events(
    Visitor(known): Visitor,
    State(edge): State<Edge>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let news = edge.broker().news();
    let told = unfold((edge, news, known), |(edge, mut news, known)| async move {
        let event = loop {
            let changed = tokio::time::timeout(LOOK, news.recv()).await;
            if !edge.broker().is_still_known(&known) {
                return None;
            }
            match changed {
                Ok(Ok(id)) => break Event::default().event("approval").data(id.to_string()),
                Ok(Err(RecvError::Lagged(_))) => break Event::default().event("approval").data(""),
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) => {}
            }
        };
        Some((Ok(event), (edge, news, known)))
    });
    Sse::new(told).keep_alive(KeepAlive::default())
}
