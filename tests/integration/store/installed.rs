//! What is installed: names, versions, ends.

use std::time::Duration;

use exeat::base::id::{AgentId, CredentialId, LayerId, PersonId, SessionId};
use exeat::domain::approval::Authentication;
use exeat::domain::layer::{Layer, LayerForm};
use exeat::domain::ledger::{Event, KeyPurpose};
use exeat::domain::session::Session;
use exeat::domain::upstream::Upstream;
use exeat::domain::webauthn::Signature;
use exeat::store::{Change, SealedKey, StoreError, StoredPasskey};

use super::bed::{Bed, digest, identity, ledger_key};
use super::log;

fn conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Conflict)), "{result:?}");
}

pub(super) async fn what_was_installed_is_given_back(bed: Bed) {
    let installed = bed.store.installed().await.unwrap();
    assert_eq!(installed.people, [(bed.reviewer.clone(), digest("rita"))]);
    assert_eq!(installed.agents, [(bed.agent.clone(), digest("builder"))]);
    assert_eq!(installed.identities, vec![identity()]);
    assert_eq!(installed.upstreams, [(bed.upstream.clone(), None)]);
    assert_eq!(installed.credentials[0].sealed, b"sealed 1");
    assert_eq!(installed.policy, Some(bed.policy.version()));
}

pub(super) async fn a_name_belongs_to_one_who_is_there(bed: Bed) {
    let mut person = bed.reviewer.clone();
    person.id = PersonId::new(&bed.clock, &bed.random).unwrap();
    let add = |key: &str| Change::AddPerson { person: person.clone(), key: digest(key) };
    conflict(bed.change(add("second")).await);
    bed.change(Change::RemovePerson { id: bed.reviewer.id, at: bed.now() }).await.unwrap();
    conflict(bed.change(Change::RemovePerson { id: bed.reviewer.id, at: bed.now() }).await);
    conflict(bed.change(add("rita")).await);
    bed.change(add("second")).await.unwrap();
    let people = bed.store.installed().await.unwrap().people;
    assert_eq!(people.len(), 2);
    assert_eq!(people.iter().find(|(p, _)| p.id == bed.reviewer.id).unwrap().0.removed_at, Some(bed.now()));
}

pub(super) async fn a_refused_change_leaves_no_entry(bed: Bed) {
    let before = bed.store.head().await.unwrap();
    conflict(
        bed.change(Change::RemovePerson {
            id: PersonId::new(&bed.clock, &bed.random).unwrap(),
            at: bed.now(),
        })
        .await,
    );
    conflict(bed.store.append(Vec::new()).await);
    assert_eq!(bed.store.head().await.unwrap(), before);
}

pub(super) async fn versions_follow_one_another(bed: Bed) {
    conflict(bed.change(Change::PutUpstream { upstream: bed.upstream.clone(), client_key: None }).await);
    let mut next = bed.upstream.clone();
    next.version = 3;
    conflict(bed.change(Change::PutUpstream { upstream: next.clone(), client_key: None }).await);
    next.version = 2;
    bed.change(Change::PutUpstream { upstream: next.clone(), client_key: None }).await.unwrap();
    conflict(bed.change(bed.sealed(3)).await);
    bed.change(bed.sealed(2)).await.unwrap();
    let reseal = |version| Change::Reseal { credential: bed.credential, version, sealed: b"anew".to_vec() };
    conflict(bed.change(reseal(1)).await);
    bed.change(reseal(2)).await.unwrap();
    let installed = bed.store.installed().await.unwrap();
    assert_eq!(installed.upstreams, [(next, None)]);
    assert_eq!((installed.credentials[0].version, &installed.credentials[0].sealed[..]), (2, &b"anew"[..]));
}

pub(super) async fn a_client_certificate_comes_with_its_key(bed: Bed) {
    let mut next = bed.upstream.clone();
    next.version = 2;
    let put = |upstream: &Upstream, key: Option<&[u8]>| {
        bed.change(Change::PutUpstream { upstream: upstream.clone(), client_key: key.map(<[u8]>::to_vec) })
    };
    put(&next, Some(b"key")).await.unwrap_err();
    next.client_certificate = Some("certificate".into());
    put(&next, None).await.unwrap_err();
    put(&next, Some(b"key")).await.unwrap();
    let reseal = |version| Change::ResealClientKey { upstream: next.id, version, sealed: b"anew".to_vec() };
    conflict(bed.change(reseal(1)).await);
    bed.change(reseal(2)).await.unwrap();
    assert_eq!(bed.store.installed().await.unwrap().upstreams, [(next.clone(), Some(b"anew".to_vec()))]);
    let plain = Upstream { version: 3, client_certificate: None, ..next };
    put(&plain, None).await.unwrap();
    conflict(
        bed.change(Change::ResealClientKey { upstream: plain.id, version: 3, sealed: Vec::new() }).await,
    );
    assert_eq!(bed.store.installed().await.unwrap().upstreams, [(plain, None)]);
}

pub(super) async fn a_session_ends_by_itself_or_with_its_person(bed: Bed) {
    let session = |life: u64| Session {
        id: SessionId::new(&bed.clock, &bed.random).unwrap(),
        person: bed.reviewer.id,
        began_at: bed.now(),
        expires_at: bed.now().plus(Duration::from_secs(life)),
        authenticated_by: Authentication::Link,
    };
    let begin =
        |session: &Session, key: &str| Change::BeginSession { session: session.clone(), key: digest(key) };
    let first = session(60);
    bed.change(begin(&first, "first")).await.unwrap();
    bed.clock.advance(Duration::from_secs(1));
    let second = session(3600);
    bed.change(begin(&second, "second")).await.unwrap();
    conflict(bed.change(begin(&session(60), "second")).await);
    let both = [(first.clone(), digest("first")), (second.clone(), digest("second"))];
    assert_eq!(bed.store.installed().await.unwrap().sessions, both);

    bed.change(Change::EndSession { id: second.id }).await.unwrap();
    conflict(bed.change(Change::EndSession { id: second.id }).await);
    bed.clock.advance(Duration::from_mins(2));
    let third = session(60);
    bed.change(begin(&third, "third")).await.unwrap();
    let left = [(third, digest("third"))];
    assert_eq!(bed.store.installed().await.unwrap().sessions, left, "what is over is forgotten");

    bed.change(Change::RemovePerson { id: bed.reviewer.id, at: bed.now() }).await.unwrap();
    assert_eq!(bed.store.installed().await.unwrap().sessions, []);
    conflict(bed.change(begin(&session(60), "fourth")).await);
}

pub(super) async fn a_later_passkey_comes_with_a_signature(bed: Bed) {
    let key = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
    let passkey = |id: &str| StoredPasskey {
        person: bed.reviewer.id,
        name: "laptop".parse().unwrap(),
        passkey: serde_json::from_value(serde_json::json!({"id": id, "sign_count": 1, "backed_up": false,
            "backup_eligible": false, "key": {"algorithm": "ES256", "x": key, "y": key}}))
        .unwrap(),
    };
    let add = |passkey: StoredPasskey, signature| bed.change(Change::AddPasskey { passkey, signature });
    // What one signs counts up: 37 bytes, of which the last four are the count.
    let signed = |count: u8| {
        let data = hex::encode([&[0; 32][..], &[5, 0, 0, 0, count]].concat());
        let data =
            base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, hex::decode(data).unwrap());
        let value = serde_json::json!({"party": {"id": "localhost", "origins": ["http://localhost:1"]},
            "assertion": {"credential_id": "AQ", "client_data_json": "", "authenticator_data": data, "signature": ""}});
        Box::new(serde_json::from_value::<Signature>(value).unwrap())
    };
    add(passkey("AQ"), None).await.unwrap();
    conflict(add(passkey("Ag"), None).await);
    conflict(add(passkey("Ag"), Some(signed(1))).await);
    add(passkey("Ag"), Some(signed(2))).await.unwrap();
    conflict(add(passkey("Ag"), Some(signed(3))).await);
    let counted =
        |installed: &[StoredPasskey]| installed.iter().map(|one| one.passkey.sign_count).collect::<Vec<_>>();
    assert_eq!(counted(&bed.store.installed().await.unwrap().passkeys), [2, 1]);
    let remove = |count| {
        let (id, person) = ("Ag".parse().unwrap(), bed.reviewer.id);
        bed.change(Change::RemovePasskey { person, id, signature: signed(count) })
    };
    conflict(remove(2).await);
    remove(3).await.unwrap();
    conflict(remove(4).await);
    assert_eq!(counted(&bed.store.installed().await.unwrap().passkeys), [3]);
    bed.change(Change::RemovePerson { id: bed.reviewer.id, at: bed.now() }).await.unwrap();
    assert_eq!(bed.store.installed().await.unwrap().passkeys, []);
}

pub(super) async fn a15_a_use_has_one_credential(bed: Bed) {
    let second = Change::PutCredential {
        credential: CredentialId::new(&bed.clock, &bed.random).unwrap(),
        version: 1,
        upstream: bed.upstream.id,
        identity: identity(),
        sealed: Vec::new(),
    };
    conflict(bed.change(second).await);
}

pub(super) async fn keys_come_oldest_first(bed: Bed) {
    let newer = SealedKey { id: "ledger-2".into(), since: bed.now().plus(super::SECOND), ..ledger_key() };
    bed.change(Change::AddKey { key: newer.clone() }).await.unwrap();
    conflict(bed.change(Change::AddKey { key: newer.clone() }).await);
    assert_eq!(bed.store.keys(KeyPurpose::Ledger).await.unwrap(), [ledger_key(), newer]);
    assert!(bed.store.keys(KeyPurpose::Token).await.unwrap().is_empty());
}

pub(super) async fn an_agent_ends_with_all_it_had(bed: Bed) {
    let token = bed.token(5).await;
    let pending = bed.requested(1, 1).await.statement.approval;
    assert!(bed.store.token(token.token()).await.unwrap().unwrap().live);
    bed.change(Change::RemoveAgent { id: bed.agent.id, at: bed.now() }).await.unwrap();
    assert!(!bed.store.token(token.token()).await.unwrap().unwrap().live);
    assert_eq!(bed.read(pending).await.state_name(bed.now()), "cancelled");
    bed.begin(&token).await.unwrap_err();
    bed.ask(bed.statement(1, 1), None).await.unwrap_err();
    let cancelled = Event::Cancelled { approval: pending, agent: bed.agent.id, run: None };
    assert!(log::verify(bed.store.as_ref()).await.iter().any(|entry| entry.entry.event == cancelled));
    conflict(
        bed.change(Change::RemoveAgent { id: AgentId::new(&bed.clock, &bed.random).unwrap(), at: bed.now() })
            .await,
    );
}

/// A layer of the bed's agent.
pub(super) fn layer(bed: &Bed) -> Layer {
    Layer {
        id: LayerId::new(&bed.clock, &bed.random).unwrap(),
        name: "gateway".parse().unwrap(),
        form: LayerForm::Nginx,
        upstreams: [bed.upstream.name.clone()].into(),
        agents: [bed.agent.id].into(),
        inject: true,
        enrolled_by: bed.reviewer.id,
        expires_at: bed.now().plus(super::SECOND),
        removed_at: None,
    }
}

pub(super) async fn a_layer_is_given_back_and_ends_once(bed: Bed) {
    let layer = layer(&bed);
    let add = |key: &str| Change::AddLayer { layer: layer.clone(), key: digest(key) };
    bed.change(add("first")).await.unwrap();
    assert_eq!(bed.store.installed().await.unwrap().layers, [(layer.clone(), digest("first"))]);
    conflict(bed.change(add("second")).await);
    let remove = || Change::RemoveLayer { id: layer.id, at: bed.now() };
    bed.change(remove()).await.unwrap();
    conflict(bed.change(remove()).await);
    let removed = bed.store.installed().await.unwrap().layers;
    assert_eq!(removed[0].0.removed_at, Some(bed.now()));
    // Its name is free again, its key is not.
    let again = Layer { id: LayerId::new(&bed.clock, &bed.random).unwrap(), ..layer };
    conflict(bed.change(Change::AddLayer { layer: again.clone(), key: digest("first") }).await);
    bed.change(Change::AddLayer { layer: again, key: digest("second") }).await.unwrap();
}
