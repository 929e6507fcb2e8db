//! Runs, from outside their walls: started, told of and ended by what holds the agent's key. Another agent's are not there.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json};
use bytes::Bytes;
use futures_util::stream::unfold;

use crate::base::id::RunId;
use crate::broker::{KeeperTold, NewRun, StartedRun, Told};
use crate::domain::files::{UsedFiles, UsedPath};
use crate::domain::key::PlainKey;
use crate::domain::name::Name;
use crate::domain::problem::Problem;
use crate::domain::run::{RunEnd, StandIn};
use crate::domain::upstream::Origin;
use crate::edges::caller::AgentCaller;
use crate::edges::extract::{Id, StrictJson};
use crate::edges::problem::invalid;
use crate::edges::state::Edge;
use crate::edges::view::json;
use crate::edges::wire::{EndBody, FilesBody, PasswordFor, RunBody, RunStarted, SecretText, StepBody};

/// Starts a run. Its socket is its identity: what comes through it is the run, and nothing else is.
#[utoipa::path(post, path = "/v1/runs", tag = "runs", request_body = RunBody,
    responses((status = 201, description = "Started", body = RunStarted)))]
pub(super) async fn start(
    AgentCaller(agent): AgentCaller,
    State(edge): State<Edge>,
    StrictJson(body): StrictJson<RunBody>,
) -> Result<impl IntoResponse, Problem> {
    let started = edge.broker().start_run(&agent, new(body)).await?;
    Ok((StatusCode::CREATED, Json(answer(&started))))
}

/// Tells what the run's harness claims, or that the run climbs. Neither grants anything.
#[utoipa::path(post, path = "/v1/runs/{id}/steps", tag = "runs", params(("id" = String, Path)), request_body = StepBody,
    responses((status = 204, description = "On record")))]
pub(super) async fn tell(
    AgentCaller(agent): AgentCaller,
    State(edge): State<Edge>,
    Id(id): Id<RunId>,
    StrictJson(body): StrictJson<StepBody>,
) -> Result<StatusCode, Problem> {
    edge.broker().tell_run(&agent, id, told(body)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Keeps a run: the answer goes on until the run has ended, or the broker stops. When the connection breaks before, the run ends as
/// `abandoned`. Its lines are JSON: `{"open":{"approval","items","seconds"}}` when files were granted to the run, which its keeper may
/// open, and `{"close":{"approval","cause"}}` when it has to close them.
#[utoipa::path(post, path = "/v1/runs/{id}/keep", tag = "runs", params(("id" = String, Path)),
    responses((status = 200, description = "Kept until this answer ends", content_type = "application/jsonl")))]
pub(super) async fn keep(
    AgentCaller(agent): AgentCaller,
    State(edge): State<Edge>,
    Id(id): Id<RunId>,
) -> Result<impl IntoResponse, Problem> {
    let keeping = edge.broker().keep_run(&agent, id)?;
    let lines = unfold(keeping, |mut keeping| async move {
        let line = keeping.next().await?;
        let mut text = json(&line).to_string();
        text.push('\n');
        Some((Ok::<_, Infallible>(Bytes::from(text)), keeping))
    });
    Ok(([(header::CONTENT_TYPE, "application/jsonl")], Body::from_stream(lines)))
}

/// Tells what its keeper does about files that were granted to a run.
#[utoipa::path(post, path = "/v1/runs/{id}/files", tag = "runs", params(("id" = String, Path)), request_body = FilesBody,
    responses((status = 204, description = "On record")))]
pub(super) async fn files(
    AgentCaller(agent): AgentCaller,
    State(edge): State<Edge>,
    Id(id): Id<RunId>,
    StrictJson(body): StrictJson<FilesBody>,
) -> Result<StatusCode, Problem> {
    let told = body.widened.map_or(KeeperTold::Opening, KeeperTold::Widened);
    edge.broker().tell_files(&agent, id, (body.approval, body.index), told).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a run. Its socket and its connections are gone when this returns, and what was granted to it is worth nothing.
#[utoipa::path(post, path = "/v1/runs/{id}/end", tag = "runs", params(("id" = String, Path)), request_body = EndBody,
    responses((status = 204, description = "Ended, now or before")))]
pub(super) async fn end(
    AgentCaller(agent): AgentCaller,
    State(edge): State<Edge>,
    Id(id): Id<RunId>,
    StrictJson(EndBody { cause, exit, strays, files, files_unseen }): StrictJson<EndBody>,
) -> Result<StatusCode, Problem> {
    let files = used(files, files_unseen)?;
    edge.broker().end_run(&agent, id, RunEnd { cause, exit, strays }, files).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn used(files: Option<Vec<UsedPath>>, unseen: Option<u64>) -> Result<Option<UsedFiles>, Problem> {
    match files {
        Some(files) => UsedFiles::new(files, unseen.unwrap_or_default())
            .map(Some)
            .map_err(|error| invalid("/files", &error.to_string())),
        None if unseen.is_some() => Err(invalid("/files_unseen", "belongs to `files`")),
        None => Ok(None),
    }
}

fn new(body: RunBody) -> NewRun {
    let stand_in = |wanted: crate::edges::wire::StandInBody| StandIn {
        upstream: wanted.upstream,
        identity: wanted.identity,
    };
    NewRun {
        profile: body.profile,
        rung: body.rung,
        workspace: body.workspace,
        unsafe_no_sandbox: body.unsafe_no_sandbox,
        filesystem: body.filesystem,
        network: body.network,
        command: body.command,
        credentials: body.credentials.into_iter().map(stand_in).collect(),
        wait_seconds: body.wait_seconds,
        kept: body.kept,
    }
}

pub(in crate::edges) fn told(body: StepBody) -> Result<Told, Problem> {
    match (body.claimed, body.over, body.climb) {
        (Some(step), None, None) => Ok(Told::Claimed(step)),
        (None, Some(step), None) => Ok(Told::Over(step)),
        (None, None, Some(climb)) => Ok(Told::Climb { to: climb.to, cause: climb.cause }),
        _ => Err(invalid("", "send exactly one of `claimed`, `over` and `climb`")),
    }
}

fn answer(started: &StartedRun) -> RunStarted {
    let shown =
        |(name, key): &(Name, PlainKey)| (name.to_string(), SecretText::new(key.shown_once().to_owned()));
    let password = |(upstream, origin, user): &(Name, Origin, String)| PasswordFor {
        upstream: upstream.clone(),
        origin: origin.clone(),
        user: user.clone(),
    };
    RunStarted {
        id: started.id,
        socket: started.socket.display().to_string(),
        ca: started.ca.display().to_string(),
        placeholders: started.placeholders.iter().map(shown).collect(),
        passwords: started.passwords.iter().map(password).collect(),
    }
}
