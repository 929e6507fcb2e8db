//! The OAuth endpoints: exchange (RFC 8693), introspection (RFC 7662), revocation (RFC 7009). Forms only; the agent's key is the client's
//! authentication, in the `Authorization` header.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Json;
use serde_json::Value;

use super::oauth::{OAuth, OAuthBody, Refusal};
use crate::broker::Issued;
use crate::edges::caller::AgentCaller;
use crate::edges::extract::{StrictForm, json_list};
use crate::edges::state::Edge;
use crate::edges::view::json;
use crate::edges::wire::{
    GRANT_TYPE, ISSUED_TOKEN_TYPE, Introspection, OAuthError, SUBJECT_TOKEN_TYPE, SecretText, TokenAnswer,
    TokenForm, TokenHandle,
};

/// Exchanges an approval for a token.
#[utoipa::path(post, path = "/oauth/token", tag = "oauth",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "RFC 8693", body = TokenAnswer),
        (status = 400, description = "RFC 6749 §5.2", body = OAuthError)))]
pub(super) async fn exchange(
    OAuth(AgentCaller(agent)): OAuth<AgentCaller>,
    State(edge): State<Edge>,
    OAuthBody(StrictForm(form)): OAuthBody<StrictForm<TokenForm>>,
) -> Result<Json<TokenAnswer>, Refusal> {
    check(&form)?;
    let narrower = form.authorization_details.as_deref().map(|text| json_list("authorization_details", text));
    let issued = edge.broker().exchange(&agent, &form.subject_token, narrower.transpose()?).await?;
    Ok(Json(answer(&issued)))
}

/// Says what a token of the agent's own is worth now.
#[utoipa::path(post, path = "/oauth/introspect", tag = "oauth",
    request_body(content = TokenHandle, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "RFC 7662", body = Introspection),
        (status = 400, description = "RFC 6749 §5.2", body = OAuthError)))]
pub(super) async fn introspect(
    OAuth(AgentCaller(agent)): OAuth<AgentCaller>,
    State(edge): State<Edge>,
    OAuthBody(StrictForm(form)): OAuthBody<StrictForm<TokenHandle>>,
) -> Result<Json<Value>, Refusal> {
    Ok(Json(edge.broker().introspect(&agent, form.token.reveal()).await?))
}

/// Gives a token of the agent's own back.
#[utoipa::path(post, path = "/oauth/revoke", tag = "oauth",
    request_body(content = TokenHandle, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "RFC 7009: it is not live, whatever it was"),
        (status = 400, description = "RFC 6749 §5.2", body = OAuthError)))]
pub(super) async fn revoke(
    OAuth(AgentCaller(agent)): OAuth<AgentCaller>,
    State(edge): State<Edge>,
    OAuthBody(StrictForm(form)): OAuthBody<StrictForm<TokenHandle>>,
) -> Result<StatusCode, Refusal> {
    edge.broker().give_back(&agent, form.token.reveal()).await?;
    Ok(StatusCode::OK)
}

fn check(form: &TokenForm) -> Result<(), Refusal> {
    if form.grant_type != GRANT_TYPE {
        return Err(Refusal::of("unsupported_grant_type", &format!("The one grant type is {GRANT_TYPE}.")));
    }
    if form.subject_token_type != SUBJECT_TOKEN_TYPE {
        return Err(Refusal::invalid("subject_token_type", &format!("expected {SUBJECT_TOKEN_TYPE}")));
    }
    if form.requested_token_type.as_deref().is_some_and(|kind| kind != ISSUED_TOKEN_TYPE) {
        return Err(Refusal::invalid("requested_token_type", &format!("expected {ISSUED_TOKEN_TYPE}")));
    }
    if form.expires_in.is_some() {
        return Err(Refusal::invalid("expires_in", "the life of a token is not for the request to say"));
    }
    Ok(())
}

fn answer(issued: &Issued) -> TokenAnswer {
    TokenAnswer {
        access_token: SecretText::new(issued.token.expose_secret().to_owned()),
        issued_token_type: ISSUED_TOKEN_TYPE.to_owned(),
        token_type: "Bearer".to_owned(),
        expires_in: issued.lifetime.as_secs(),
        authorization_details: issued.items.iter().map(json).collect(),
    }
}
