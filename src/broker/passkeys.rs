//! People's passkeys: registered, removed, and what they sign.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Broker, no_randomness, not_found, unavailable};
use crate::base::clock::Timestamp;
use crate::base::id::PersonId;
use crate::base::random::bytes;
use crate::domain::approval::{Approval, Decision, Signature};
use crate::domain::ledger::Event;
use crate::domain::principal::{Label, Person};
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::webauthn::{Assertion, PasskeyId, Registration, RelyingParty};
use crate::store::{Change, StoredPasskey};

/// What a browser was given to have a new passkey sign, for each person the newest.
#[derive(Default)]
pub(super) struct Challenges(Mutex<HashMap<PersonId, Given>>);

struct Given {
    challenge: Challenge,
    until: Timestamp,
}

/// Random bytes that a new passkey is registered over (WebAuthn Level 3 §13.4.3).
type Challenge = [u8; 32];

/// How long registering may take.
const PATIENCE: Duration = Duration::from_mins(5);
/// Passkeys a person may have.
const MAX_PASSKEYS: usize = 20;

impl Broker {
    /// Whose pages ask for passkeys.
    #[must_use]
    pub const fn relying_party(&self) -> &RelyingParty {
        &self.parts.party
    }

    /// The passkeys of a person.
    #[must_use]
    pub fn passkeys_of(&self, person: PersonId) -> Vec<Arc<StoredPasskey>> {
        self.catalog().passkeys().iter().filter(|one| one.person == person).cloned().collect()
    }

    /// What `person` has a new passkey registered over, within five minutes. An earlier one is good no more.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn passkey_challenge(&self, person: PersonId) -> Result<[u8; 32], Problem> {
        let challenge: Challenge = bytes(self.parts.random.as_ref()).map_err(no_randomness)?;
        let given = Given { challenge, until: self.now().plus(PATIENCE) };
        self.challenges.lock().insert(person, given);
        Ok(challenge)
    }

    /// Registers a passkey for the person who asked for the challenge that it was made over.
    ///
    /// # Errors
    /// `signature_invalid` when it was made over something else or in another way, `conflict` when it is registered already.
    pub async fn register_passkey(
        &self,
        person: &Person,
        name: Label,
        registration: &Registration,
    ) -> Result<(), Problem> {
        let given = self.challenges.lock().remove(&person.id).filter(|given| self.now() < given.until);
        let Some(given) = given else {
            return Err(invalid("Nobody asked for a passkey, or it took too long; begin again."));
        };
        if self.passkeys_of(person.id).len() >= MAX_PASSKEYS {
            return Err(Problem::new(
                ProblemKind::Conflict,
                "Remove a passkey first: a person has at most 20.",
            ));
        }
        let party = self.relying_party().clone();
        let passkey =
            registration.verify(&party, &given.challenge).map_err(|why| invalid(&format!("{why}.")))?;
        let event = Event::PasskeyRegistered {
            person: person.id,
            name: name.clone(),
            passkey: passkey.clone(),
            party,
        };
        let change = Change::AddPasskey { passkey: StoredPasskey { person: person.id, name, passkey } };
        self.parts.store.change(change, self.entry(event)).await.map_err(unavailable)?;
        self.reload().await
    }

    /// Takes a passkey away from its person: what it signed before stays verifiable.
    ///
    /// # Errors
    /// `not_found` when it is not theirs.
    pub async fn remove_passkey(&self, person: &Person, id: &PasskeyId) -> Result<(), Problem> {
        self.passkeys_of(person.id).iter().find(|one| one.passkey.id == *id).ok_or_else(not_found)?;
        let change = Change::RemovePasskey { person: person.id, id: id.clone() };
        let event = Event::PasskeyRemoved { person: person.id, passkey: id.clone(), by: person.id };
        self.parts.store.change(change, self.entry(event)).await.map_err(unavailable)?;
        self.reload().await
    }

    /// A passkey that signed has counted up.
    pub(super) async fn reload_if_signed(&self, approval: &Approval) {
        let signed = approval.decisions().iter().any(|decision| decision.signature.is_some());
        if signed && let Err(problem) = self.reload().await {
            // The store has the count, and refuses the one before.
            tracing::warn!(%problem, "what is installed could not be read anew");
        }
    }

    /// The signature of `decision`, if a passkey of its person's made it, over just this.
    pub(super) fn signed(&self, decision: &Decision, assertion: Assertion) -> Result<Signature, Problem> {
        let own = self.passkeys_of(decision.person);
        let passkey = own.iter().find(|one| one.passkey.id == assertion.credential_id);
        let passkey = passkey.ok_or_else(|| invalid("This passkey is not yours, or was removed."))?;
        let party = self.relying_party().clone();
        let verified = assertion.verify(&party, decision.challenge().as_bytes(), &passkey.passkey);
        match verified {
            Ok(_) => Ok(Signature { party, assertion }),
            Err(why) => Err(invalid(&format!("{why}."))),
        }
    }
}

impl Challenges {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PersonId, Given>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn invalid(detail: &str) -> Problem {
    Problem::new(ProblemKind::SignatureInvalid, detail)
}
