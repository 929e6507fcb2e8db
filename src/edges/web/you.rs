//! Who is signed in: their roles, and the passkeys with which they sign what they decide.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Json};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::page::{Page, Shell};
use super::visitor::Visitor;
use crate::base::crypto::hash::Digest;
use crate::domain::principal::{Label, Person};
use crate::domain::problem::Problem;
use crate::domain::webauthn::{Assertion, PasskeyId, PublicKey, Registration};
use crate::edges::extract::StrictJson;
use crate::edges::state::Edge;
use crate::store::StoredPasskey;

/// How long a browser asks the person for their passkey, in milliseconds.
const PATIENCE: u32 = 120_000;

/// One passkey.
struct Row {
    id: String,
    name: String,
    signed: u32,
    synced: bool,
}

#[derive(Template)]
#[template(path = "you.html")]
struct YouPage {
    shell: Shell,
    id: String,
    roles: Vec<&'static str>,
    how: &'static str,
    passkeys: Vec<Row>,
}

/// A passkey that a browser made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Made {
    name: Label,
    registration: Registration,
    /// What a passkey that is there already signed for it.
    #[serde(default)]
    assertion: Option<Assertion>,
}

/// A passkey to be taken away.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gone {
    id: PasskeyId,
    #[serde(default)]
    assertion: Option<Assertion>,
}

pub(super) async fn show(Visitor(known): Visitor, State(edge): State<Edge>) -> impl IntoResponse {
    let passkeys = edge.broker().passkeys_of(known.person.id);
    let row = |one: &Arc<StoredPasskey>| Row {
        id: one.passkey.id.to_string(),
        name: one.name.to_string(),
        signed: one.passkey.sign_count,
        synced: one.passkey.backed_up,
    };
    Page(YouPage {
        id: known.person.id.to_string(),
        roles: known.roles.iter().map(|role| role.as_str()).collect(),
        how: known.authenticated_by.as_str(),
        passkeys: passkeys.iter().map(row).collect(),
        shell: Shell::of(&known, "you"),
    })
}

/// The options with which a browser makes a passkey (WebAuthn Level 3 §5.4): verified by it, for these pages, and none that is there.
pub(super) async fn begin(Visitor(known): Visitor, State(edge): State<Edge>) -> Result<Json<Value>, Problem> {
    let challenge = edge.broker().passkey_challenge(known.person.id)?;
    let kinds = PublicKey::ALGORITHMS.iter().map(|kind| json!({"type": "public-key", "alg": kind}));
    Ok(Json(json!({
        "challenge": text(&challenge),
        "rp": {"id": edge.broker().relying_party().id(), "name": "Exeat"},
        "user": {"id": text(known.person.id.to_string().as_bytes()), "name": known.name, "displayName": known.name},
        "pubKeyCredParams": kinds.collect::<Vec<_>>(),
        "excludeCredentials": own(&edge, &known),
        "authenticatorSelection": {"residentKey": "preferred", "userVerification": "required"},
        "attestation": "none",
        "timeout": PATIENCE,
    })))
}

/// The options with which a browser has one of the person's passkeys sign (§5.5).
pub(super) fn request(edge: &Edge, person: &Person, challenge: &[u8]) -> Value {
    json!({
        "challenge": text(challenge),
        "rpId": edge.broker().relying_party().id(),
        "allowCredentials": own(edge, person),
        "userVerification": "required",
        "timeout": PATIENCE,
    })
}

pub(super) async fn register(
    Visitor(known): Visitor,
    State(edge): State<Edge>,
    made: Result<StrictJson<Made>, Problem>,
) -> Result<Json<Value>, Problem> {
    let Made { name, registration, assertion } = made?.0;
    let sign = edge.broker().register_passkey(&known, name, &registration, assertion).await?;
    Ok(first_sign(&edge, &known, sign))
}

pub(super) async fn remove(
    Visitor(known): Visitor,
    State(edge): State<Edge>,
    gone: Result<StrictJson<Gone>, Problem>,
) -> Result<Json<Value>, Problem> {
    let Gone { id, assertion } = gone?.0;
    let sign = edge.broker().remove_passkey(&known, &id, assertion).await?;
    Ok(first_sign(&edge, &known, sign))
}

/// Done, or what one of the person's passkeys has to sign first.
fn first_sign(edge: &Edge, person: &Person, sign: Option<Digest>) -> Json<Value> {
    Json(sign.map_or_else(|| json!({}), |change| json!({ "sign": request(edge, person, change.as_bytes()) })))
}

/// The person's passkeys, as browsers are told of them.
fn own(edge: &Edge, person: &Person) -> Vec<Value> {
    let own = edge.broker().passkeys_of(person.id);
    own.iter()
        .map(|one| {
            let passkey = &one.passkey;
            json!({"type": "public-key", "id": passkey.id, "transports": passkey.transports})
        })
        .collect()
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
