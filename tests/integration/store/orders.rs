//! J15: approve, cancel, expire, revoke, exchange and use at once, in many orders; the log tells afterwards whether the rules
//! held in the order in which things happened.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use exeat::base::id::{ApprovalId, TokenId};
use exeat::domain::approval::{Approval, Exchange, Narrowing};
use exeat::domain::ledger::{Entry, Event, Revoker};
use exeat::store::StoredEntry;
use futures_util::future::join_all;

use super::bed::Bed;
use super::log;

const MAX_TOKENS: u32 = 3;
const MAX_USES: u32 = 20;

/// A small generator, so that a failing order can be had again (Steele, Lea, Flood: SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)) % sides
    }
}

struct Game {
    bed: Bed,
    tokens: Mutex<Vec<Exchange>>,
}

pub(super) async fn j15_in_every_order_the_rules_hold(bed: Bed) {
    let game = Game { bed, tokens: Mutex::default() };
    for seed in 0..12 {
        let mut dice = Dice(seed);
        let pending = game.bed.requested(MAX_TOKENS, MAX_USES).await;
        let id = pending.statement.approval;
        game.tokens.lock().unwrap().clear();
        if dice.roll(3) > 0 {
            game.bed.approve(pending).await.unwrap();
        }
        for _ in 0..6 {
            let moves: Vec<_> = (0..12).map(|_| (dice.roll(60), dice.roll(100))).collect();
            join_all(moves.into_iter().map(|(kind, pick)| game.play(id, kind, pick))).await;
        }
        game.check(id).await;
    }
    let entries = log::verify(game.bed.store.as_ref()).await;
    replay(&entries);
}

impl Game {
    async fn play(&self, id: ApprovalId, kind: u64, pick: u64) {
        let read = self.bed.read(id).await;
        let token = {
            let tokens = self.tokens.lock().unwrap();
            tokens.get(usize::try_from(pick).unwrap() % tokens.len().max(1)).cloned()
        };
        match (kind, token) {
            (0, _) => self.decide(read).await,
            (1, _) => {
                let event = Event::Cancelled { approval: id, agent: self.bed.agent.id, run: None };
                self.end(read.cancel(self.bed.now()).ok(), event).await;
            }
            (2, _) => {
                let over = read.statement.expires_at;
                let event = Event::Expired {
                    approval: id,
                    agent: self.bed.agent.id,
                    decided: read.grant().is_some(),
                    run: None,
                };
                self.end(read.expire(over).ok(), event).await;
            }
            (3, _) => {
                let by = self.bed.reviewer.id;
                self.end(
                    read.revoke(by, self.bed.now()).ok(),
                    Event::Revoked { approval: id, agent: self.bed.agent.id, by, run: None },
                )
                .await;
            }
            (4..=9, _) => self.exchange(&read).await,
            (10 | 11, Some(token)) => {
                let event = Event::TokenRevoked {
                    token: token.token(),
                    approval: id,
                    agent: self.bed.agent.id,
                    by: Revoker::Agent { id: self.bed.agent.id },
                    run: None,
                };
                drop(self.bed.store.revoke_token(token.token(), Entry { at: self.bed.now(), event }).await);
            }
            (_, Some(token)) => drop(self.bed.begin(&token).await),
            (_, None) => {}
        }
    }

    async fn decide(&self, read: Approval) {
        if read.state_name(self.bed.now()) == "pending" {
            drop(self.bed.approve(read).await);
        }
    }

    async fn end(&self, next: Option<Approval>, event: Event) {
        if let Some(next) = next {
            drop(self.bed.store.transition(next, Entry { at: self.bed.now(), event }).await);
        }
    }

    async fn exchange(&self, read: &Approval) {
        let token = TokenId::new(&self.bed.clock, &self.bed.random).unwrap();
        let plan = read.exchange(
            token,
            self.bed.agent.id,
            Narrowing::default(),
            &self.bed.policy,
            |_| true,
            self.bed.now(),
        );
        let Ok(plan) = plan else { return };
        if let Ok(issued) = self.bed.store.issue(plan).await {
            self.tokens.lock().unwrap().push(issued.into_value());
        }
    }

    /// J09: rows, counters and entries say the same.
    async fn check(&self, id: ApprovalId) {
        let entries = log::all(self.bed.store.as_ref()).await;
        let of = |name: &str| {
            let about = entries.iter().filter(|entry| entry.entry.event.links().approval == Some(id));
            u32::try_from(about.filter(|entry| entry.entry.event.name() == name).count()).unwrap()
        };
        let read = self.bed.read(id).await;
        let counted = read.grant().map_or((0, 0), |grant| (grant.tokens_issued, grant.uses));
        assert_eq!(counted, (of("token_issued"), of("use_started")));
        let issued = self.tokens.lock().unwrap().clone();
        assert_eq!(u32::try_from(issued.len()).unwrap(), of("token_issued"));
        for token in issued {
            let record = self.bed.store.token(token.token()).await.unwrap().unwrap();
            assert_eq!((record.approval, record.agent), (id, self.bed.agent.id));
        }
    }
}

/// What the log says of one approval so far.
#[derive(Default)]
struct Story {
    approved: bool,
    ended: bool,
    tokens: HashSet<TokenId>,
    uses: u32,
}

fn replay(entries: &[StoredEntry]) {
    let mut stories: HashMap<ApprovalId, Story> = HashMap::new();
    let mut revoked: HashSet<TokenId> = HashSet::new();
    for entry in entries {
        let Some(id) = entry.entry.event.links().approval else { continue };
        let story = stories.entry(id).or_default();
        match &entry.entry.event {
            Event::Decided { .. } => {
                assert!(!story.approved && !story.ended, "decided once, while pending");
                story.approved = true;
            }
            Event::Cancelled { .. } | Event::Expired { .. } | Event::Revoked { .. } => {
                assert!(!story.ended, "ended once");
                story.ended = true;
            }
            Event::TokenIssued { token, .. } => {
                assert!(story.approved && !story.ended && story.tokens.insert(*token));
                assert!(story.tokens.len() <= MAX_TOKENS as usize);
            }
            Event::TokenRevoked { token, .. } => assert!(revoked.insert(*token)),
            Event::UseStarted(start) => {
                assert!(
                    !story.ended && story.tokens.contains(&start.token) && !revoked.contains(&start.token)
                );
                story.uses += 1;
                assert!(story.uses <= MAX_USES);
            }
            _ => {}
        }
    }
}
