//! Reports: granted against used. That a person read one is an entry.

use axum::extract::{Path, State};
use axum::response::Json;
use serde::Deserialize;
use serde_json::Value;

use crate::base::clock::Timestamp;
use crate::broker::Subject;
use crate::domain::problem::Problem;
use crate::edges::caller::AnyPerson;
use crate::edges::extract::StrictQuery;
use crate::edges::problem::not_found;
use crate::edges::state::Edge;
use crate::edges::view::json;
use crate::edges::wire::Report;

/// Reports on an approval, a token, a run or an agent.
#[utoipa::path(get, path = "/v1/reports/{id}", tag = "ledger", params(("id" = String, Path)),
    responses((status = 200, description = "The report", body = Report)))]
pub(super) async fn about(
    AnyPerson(person): AnyPerson,
    State(edge): State<Edge>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let subject = Subject::of_id(&id).ok_or_else(not_found)?;
    let report = edge.broker().report(&person, subject).await?;
    Ok(Json(json(&report)))
}

/// A range of time.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Between {
    /// From this moment; from the beginning when left out.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Until before this moment; until now when left out.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// Reports on a range of time.
#[utoipa::path(get, path = "/v1/reports", tag = "ledger", params(Between),
    responses((status = 200, description = "The report", body = Report)))]
pub(super) async fn between(
    AnyPerson(person): AnyPerson,
    State(edge): State<Edge>,
    StrictQuery(range): StrictQuery<Between>,
) -> Result<Json<Value>, Problem> {
    let since = range.since.unwrap_or(Timestamp::from_micros(0));
    let until = range.until.unwrap_or_else(|| edge.broker().now());
    let report = edge.broker().report(&person, Subject::Range(since, until)).await?;
    Ok(Json(json(&report)))
}

#[cfg(test)]
mod tests {
    use crate::domain::report;
    use crate::edges::{view::json, wire};

    #[test]
    fn the_report_is_what_the_contract_says() {
        let said = json(&report::Report::fold("apr_1", []));
        let read: wire::Report = serde_json::from_value(said.clone()).unwrap();
        assert_eq!(json(&read), said);
    }
}
