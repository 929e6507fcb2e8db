//! The decision alone: token bytes and target in, permit out. No store, no network.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use exeat::base::clock::{Clock as _, SystemClock, Timestamp};
use exeat::base::crypto::hash::sha256;
use exeat::base::crypto::sign::PublicKey;
use exeat::base::id::{AgentId, ApprovalId, PersonId, TokenId};
use exeat::base::random::SystemRandomness;
use exeat::base::secret::Secret;
use exeat::domain::access::decide;
use exeat::domain::approval::{
    AgentRef, Approval, Authentication, Decision, ItemDecision, Narrowing, Statement, Verdict,
};
use exeat::domain::ledger::Recorded;
use exeat::domain::principal::{Person, Role};
use exeat::domain::scope::{HttpTarget, ScopeItem};
use exeat::domain::step::Step;
use exeat::domain::token::{Issuer, LiveToken, TokenKeys, Verifier, mint};
use exeat::domain::upstream::Scheme;
use serde_json::json;

use crate::bed::policy;
use crate::claim::{Found, at_most, median, note, number};

/// Tokens of a round.
const TOKENS: usize = 2000;
const ROUNDS: usize = 15;

/// Measures both claims in turns.
pub(crate) fn run() -> Found {
    let scene = Scene::new()?;
    let (mut seen, mut first, mut signature, mut ratio) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let verifier = scene.verifier();
        let fresh = scene.decisions(&verifier)?;
        let bare = scene.signatures()?;
        seen.push(scene.decisions(&verifier)?);
        first.push(fresh);
        signature.push(bare);
        ratio.push(fresh / bare);
    }
    at_most("decision, token seen before", median(&mut seen), 5.0, "µs");
    at_most("decision, first sight, to one Ed25519 verification", median(&mut ratio), 2.0, "x");
    note("decision, first sight", median(&mut first), "µs");
    note("Ed25519 verification", median(&mut signature), "µs");
    Ok(())
}

struct Scene {
    keys: Arc<TokenKeys>,
    issuer: Issuer,
    public: PublicKey,
    agent: AgentId,
    now: Timestamp,
    tokens: Vec<String>,
    signed: Vec<(String, Vec<u8>)>,
}

impl Scene {
    fn new() -> Found<Self> {
        let (clock, random) =
            (SystemClock::starting_at(Timestamp::from_micros(0)), SystemRandomness::default());
        let (now, agent) = (clock.now(), AgentId::new(&clock, &random)?);
        let keys = Arc::new(TokenKeys::new(&Secret::new(vec![7; 32]), &[])?);
        let issuer: Issuer = "https://exeat.example".parse()?;
        let approval = approved(agent, now)?;
        let mut tokens = Vec::with_capacity(TOKENS);
        for _ in 0..TOKENS {
            let token = TokenId::new(&clock, &random)?;
            let exchange = approval.exchange(token, agent, Narrowing::default(), &policy(), |_| true, now)?;
            let minted = mint(&keys, &issuer, "urn:exeat:proxy", &Recorded::assertion(exchange, 0))?;
            tokens.push(minted.expose_secret().to_owned());
        }
        let parts = |token: &String| {
            let (message, signature) = token.rsplit_once('.').ok_or("a token has three parts")?;
            Found::Ok((message.to_owned(), URL_SAFE_NO_PAD.decode(signature)?))
        };
        let signed = tokens.iter().map(parts).collect::<Found<_>>()?;
        Ok(Self { public: keys.public(), keys, issuer, agent, now, tokens, signed })
    }

    fn verifier(&self) -> Verifier {
        Verifier::new(Arc::clone(&self.keys), self.issuer.clone(), "urn:exeat:proxy")
    }

    /// Microseconds for one decision, from the bytes of the token and of the request line.
    fn decisions(&self, verifier: &Verifier) -> Found<f64> {
        let began = Instant::now();
        for token in &self.tokens {
            let token = verifier.verify(black_box(token), self.now)?;
            let live = LiveToken::of(token, self.agent, self.now)?;
            let (name, path) = ("github".parse()?, black_box("/repos/acme/app/issues?state=open"));
            let target = HttpTarget::new(name, Scheme::Https, "api.github.com", 443, "GET", path)?;
            let _ = black_box(decide(live, target)?);
        }
        Ok(began.elapsed().as_secs_f64() * 1e6 / number(TOKENS))
    }

    /// Microseconds for one signature.
    fn signatures(&self) -> Found<f64> {
        let began = Instant::now();
        for (message, signature) in &self.signed {
            self.public.verify(black_box(message.as_bytes()), black_box(signature))?;
        }
        Ok(began.elapsed().as_secs_f64() * 1e6 / number(TOKENS))
    }
}

fn approved(agent: AgentId, now: Timestamp) -> Found<Approval> {
    let (clock, random) = (SystemClock::starting_at(now), SystemRandomness::default());
    let reviewer = Person {
        id: PersonId::new(&clock, &random)?,
        name: "Rita".parse()?,
        roles: [Role::Reviewer].into(),
        removed_at: None,
    };
    let item = |methods: &[&str], path: &str| {
        ScopeItem::parse(&json!({"type": "http", "upstream": "github", "identity": "service:ci-bot",
            "methods": methods, "paths": [path]}))
    };
    let items = vec![item(&["POST"], "/repos/acme/app/pulls")?, item(&["GET"], "/repos/acme/app/**")?];
    let statement = Statement {
        approval: ApprovalId::new(&clock, &random)?,
        agent: AgentRef { id: agent, name: "builder".parse()? },
        on_behalf_of: None,
        run: None,
        identity: "service:ci-bot".parse()?,
        items: items.clone(),
        reason: "to read the open issues".parse()?,
        step: Step::default(),
        limits: policy().defaults,
        bound: Vec::new(),
        policy: policy().version(),
        required_approvers: 1,
        request: sha256(&[b"request"]),
        created_at: now,
        expires_at: now.plus(policy().defaults.lifetime()),
    };
    let answers = items.into_iter().enumerate();
    let decision = Decision {
        person: reviewer.id,
        name: reviewer.name.clone(),
        at: now,
        authenticated_by: Authentication::ReviewKey,
        statement_digest: statement.digest(),
        items: answers
            .map(|(index, item)| ItemDecision { index, verdict: Verdict::Approve, granted: Some(item) })
            .collect(),
        reason: None,
        signature: None,
    };
    Ok(Approval::asked(statement).decide(&reviewer, decision, now)?)
}
