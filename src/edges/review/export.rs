//! The whole log as a stream of lines.

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use futures_util::stream::try_unfold;
use serde::Deserialize;

use crate::broker::Exporting;
use crate::domain::ledger::forms::Format;
use crate::domain::problem::Problem;
use crate::edges::caller::AnyPerson;
use crate::edges::extract::StrictQuery;
use crate::edges::state::Edge;

/// In which form.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// `jsonl`, `ocsf` or `cloudevents`; `jsonl` when left out.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    format: Format,
}

/// Exports the log, up to the head signed when it begins: JSON Lines that `exeat log verify` needs nothing else for but public keys, or
/// one event a line in the form that is asked for.
#[utoipa::path(get, path = "/v1/ledger/export", tag = "ledger", params(Wanted),
    responses((status = 200, description = "exeat-ledger/1, OCSF or CloudEvents", body = String, content_type = "application/jsonl")))]
pub(super) async fn export(
    AnyPerson(person): AnyPerson,
    State(edge): State<Edge>,
    StrictQuery(wanted): StrictQuery<Wanted>,
) -> Result<impl IntoResponse, Problem> {
    let begun = edge.broker().export(&person, wanted.format).await?;
    let pieces = try_unfold((edge, begun), piece);
    Ok(([(header::CONTENT_TYPE, "application/jsonl")], Body::from_stream(pieces)))
}

type Begun = (Edge, Exporting);

async fn piece((edge, mut exporting): Begun) -> Result<Option<(Vec<u8>, Begun)>, Problem> {
    let piece = edge.broker().export_piece(&mut exporting).await?;
    Ok(piece.map(|piece| (piece, (edge, exporting))))
}
