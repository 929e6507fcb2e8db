//! An installation with one agent, one approval and one token, and the means to forge what it would never say.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use exeat::base::clock::Timestamp;
use exeat::base::crypto::sign::SigningKey;
use exeat::base::id::AgentId;
use exeat::base::secret::Secret;
use exeat::domain::approval::{
    AgentRef, Approval, Authentication, Decision, Exchange, ItemDecision, Limits, Narrowing, Policy,
    Statement, Verdict,
};
use exeat::domain::ledger::Recorded;
use exeat::domain::principal::{Person, Role};
use exeat::domain::scope::{HttpTarget, ScopeItem};
use exeat::domain::step::Step;
use exeat::domain::token::{
    Issuer, LiveToken, PlainToken, TokenKeys, TokenProblem, VerifiedToken, Verifier, mint,
};
use exeat::domain::upstream::Scheme;
use serde_json::{Value, json};

pub(super) const ISSUER: &str = "https://exeat.example";
pub(super) const AUDIENCE: &str = "urn:exeat:proxy";
pub(super) const SEED: u8 = 7;
pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
pub(super) const AGENT: &str = "agt_01900000000070008000000000000001";
pub(super) const OTHER_AGENT: &str = "agt_01900000000070008000000000000002";

pub(super) fn keys(seed: u8) -> TokenKeys {
    TokenKeys::new(&Secret::new(vec![seed; 32]), &[]).unwrap()
}

pub(super) fn issuer() -> Issuer {
    ISSUER.parse().unwrap()
}

pub(super) fn verifier() -> Verifier {
    Verifier::new(Arc::new(keys(SEED)), issuer(), AUDIENCE)
}

pub(super) fn agent() -> AgentId {
    AGENT.parse().unwrap()
}

pub(super) fn item(methods: &[&str], path: &str) -> ScopeItem {
    let value = json!({
        "type": "http", "upstream": "github", "identity": "service:ci-bot", "methods": methods, "paths": [path],
    });
    ScopeItem::parse(&value).unwrap()
}

pub(super) fn usual_items() -> Vec<ScopeItem> {
    vec![item(&["GET"], "/repos/acme/app/**"), item(&["GET", "POST"], "/repos/acme/app/issues")]
}

pub(super) fn policy() -> Policy {
    let limits = Limits { expires_in: 86_400, max_uses: 1000, max_tokens: 1000 };
    Policy {
        required_approvers: 1,
        ceiling: limits,
        defaults: limits,
        longest_token: 3600,
        token_lifetime: 300,
        max_pending: 20,
        unsafe_no_sandbox: false,
        signature_for: exeat::domain::approval::SignatureFor::Nothing,
    }
}

fn statement(items: Vec<ScopeItem>, at: Timestamp) -> Statement {
    Statement {
        approval: "apr_01900000000070008000000000000003".parse().unwrap(),
        agent: AgentRef { id: agent(), name: "builder".parse().unwrap() },
        on_behalf_of: Some("per_01900000000070008000000000000004".parse().unwrap()),
        run: Some("run_01900000000070008000000000000005".parse().unwrap()),
        identity: "service:ci-bot".parse().unwrap(),
        items,
        reason: "read the open issues".parse().unwrap(),
        step: Step::default(),
        limits: policy().defaults,
        bound: Vec::new(),
        policy: policy().version(),
        required_approvers: 1,
        request: exeat::base::crypto::hash::sha256(&[b"request"]),
        created_at: at,
        expires_at: at.plus(Duration::from_hours(24)),
    }
}

fn approved(statement: Statement, at: Timestamp) -> Approval {
    let reviewer = Person {
        id: "per_01900000000070008000000000000006".parse().unwrap(),
        name: "Rita".parse().unwrap(),
        roles: [Role::Reviewer].into(),
        removed_at: None,
    };
    let items = statement.items.iter().enumerate().map(|(index, item)| ItemDecision {
        index,
        verdict: Verdict::Approve,
        granted: Some(item.clone()),
    });
    let decision = Decision {
        person: reviewer.id,
        name: reviewer.name.clone(),
        at,
        authenticated_by: Authentication::ReviewKey,
        statement_digest: statement.digest(),
        items: items.collect(),
        reason: None,
        signature: None,
    };
    Approval::asked(statement).decide(&reviewer, decision, at).unwrap()
}

/// An exchange as the store gives it back, planned at `at` for `life`.
pub(super) fn exchanged(items: Vec<ScopeItem>, at: Timestamp, life: Duration) -> Recorded<Exchange> {
    let token = "tok_01900000000070008000000000000007".parse().unwrap();
    let narrowing = Narrowing { items: None, lifetime: Some(life) };
    let approval = approved(statement(items, at), at);
    let exchange = approval.exchange(token, agent(), narrowing, &policy(), |_| true, at).unwrap();
    Recorded::assertion(exchange, 0)
}

pub(super) fn minted_with(
    keys: &TokenKeys,
    items: Vec<ScopeItem>,
    at: Timestamp,
    life: Duration,
) -> PlainToken {
    mint(keys, &issuer(), AUDIENCE, &exchanged(items, at, life)).unwrap()
}

/// The usual token: made at [`NOW`], for five minutes.
pub(super) fn minted() -> String {
    let token = minted_with(&keys(SEED), usual_items(), NOW, Duration::from_mins(5));
    token.expose_secret().to_owned()
}

pub(super) fn verify(text: &str) -> Result<Arc<VerifiedToken>, TokenProblem> {
    verifier().verify(text, NOW)
}

pub(super) fn live(items: Vec<ScopeItem>) -> LiveToken {
    let token = minted_with(&keys(SEED), items, NOW, Duration::from_mins(5));
    LiveToken::of(verify(token.expose_secret()).unwrap(), agent(), NOW).unwrap()
}

pub(super) fn target(method: &str, path: &str) -> HttpTarget {
    HttpTarget::new("github".parse().unwrap(), Scheme::Https, "api.github.com", 443, method, path).unwrap()
}

/// The three parts of the usual token, decoded.
pub(super) fn parts() -> (String, Value, Vec<u8>) {
    let token = minted();
    let parts: Vec<Vec<u8>> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    let header = String::from_utf8(parts[0].clone()).unwrap();
    (header, serde_json::from_slice(&parts[1]).unwrap(), parts[2].clone())
}

/// The claims of the usual token as the text that was signed.
pub(super) fn claims_text() -> String {
    let token = minted();
    String::from_utf8(URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// Signs with the installation's own key what the installation would never say.
pub(super) fn forged(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let key = SigningKey::from_seed(&Secret::new(vec![SEED; 32])).unwrap();
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// The usual header over other claims.
pub(super) fn claiming(claims: &str) -> String {
    forged(&parts().0, claims)
}
