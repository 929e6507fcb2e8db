//! People's passkeys: registered, removed, and what they sign.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Broker, no_randomness, not_found, unavailable};
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::PersonId;
use crate::base::random::bytes;
use crate::domain::approval::Approval;
use crate::domain::ledger::Event;
use crate::domain::passkeys::PasskeyChange;
use crate::domain::principal::{Label, Person};
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::webauthn::{Assertion, PasskeyId, Registration, RelyingParty, Signature};
use crate::store::{Change, StoredPasskey};

/// What a browser was given to have a new passkey sign, for each person the newest.
#[derive(Default)]
pub(super) struct Challenges(Mutex<HashMap<PersonId, Given>>);

#[derive(Clone, Copy)]
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

    /// Registers a passkey for the person who asked for the challenge that it was made over. Gives what one of their passkeys has to sign
    /// before, unless it is the first.
    ///
    /// # Errors
    /// `signature_invalid` when it was made over something else or in another way, `conflict` when it is registered already.
    pub async fn register_passkey(
        &self,
        person: &Person,
        name: Label,
        registration: &Registration,
        assertion: Option<Assertion>,
    ) -> Result<Option<Digest>, Problem> {
        let given = self.challenges.of(person.id).filter(|given| self.now() < given.until);
        let Some(given) = given else {
            return Err(invalid("Nobody asked for a passkey, or it took too long; begin again."));
        };
        let own = self.passkeys_of(person.id);
        if own.len() >= MAX_PASSKEYS {
            let detail = "Remove a passkey first: a person has at most 20.";
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        let party = self.relying_party().clone();
        let passkey =
            registration.verify(&party, &given.challenge).map_err(|why| invalid(&format!("{why}.")))?;
        let change = PasskeyChange::Register(&passkey).challenge();
        let signature = match assertion {
            Some(assertion) => Some(Box::new(self.signed(person.id, change, assertion)?)),
            None if own.is_empty() => None,
            None => return Ok(Some(change)),
        };
        self.challenges.forget(person.id);
        let event = Event::PasskeyRegistered {
            person: person.id,
            name: name.clone(),
            passkey: passkey.clone(),
            party,
            signature: signature.clone(),
        };
        let passkey = StoredPasskey { person: person.id, name, passkey };
        self.passkeys_changed(Change::AddPasskey { passkey, signature }, event).await?;
        Ok(None)
    }

    /// Takes a passkey away from its person: what it signed before stays verifiable. Gives what one of their passkeys has to sign before.
    ///
    /// # Errors
    /// `not_found` when it is not theirs, `signature_invalid`.
    pub async fn remove_passkey(
        &self,
        person: &Person,
        id: &PasskeyId,
        assertion: Option<Assertion>,
    ) -> Result<Option<Digest>, Problem> {
        self.passkeys_of(person.id).iter().find(|one| one.passkey.id == *id).ok_or_else(not_found)?;
        let change = PasskeyChange::Remove(id).challenge();
        let Some(assertion) = assertion else { return Ok(Some(change)) };
        let signature = Box::new(self.signed(person.id, change, assertion)?);
        let (person, id) = (person.id, id.clone());
        let event = Event::PasskeyRemoved { person, passkey: id.clone(), signature: signature.clone() };
        self.passkeys_changed(Change::RemovePasskey { person, id, signature }, event).await?;
        Ok(None)
    }

    async fn passkeys_changed(&self, change: Change, event: Event) -> Result<(), Problem> {
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

    /// The signature over `challenge`, if a passkey of `person`'s made it.
    pub(super) fn signed(
        &self,
        person: PersonId,
        challenge: Digest,
        assertion: Assertion,
    ) -> Result<Signature, Problem> {
        let own = self.passkeys_of(person);
        let passkey = own.iter().find(|one| one.passkey.id == assertion.credential_id);
        let passkey = passkey.ok_or_else(|| invalid("This passkey is not yours, or was removed."))?;
        let party = self.relying_party().clone();
        match assertion.verify(&party, challenge.as_bytes(), &passkey.passkey) {
            Ok(_) => Ok(Signature { party, assertion }),
            Err(why) => Err(invalid(&format!("{why}."))),
        }
    }
}

impl Challenges {
    fn of(&self, person: PersonId) -> Option<Given> {
        self.lock().get(&person).copied()
    }

    fn forget(&self, person: PersonId) {
        self.lock().remove(&person);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PersonId, Given>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn invalid(detail: &str) -> Problem {
    Problem::new(ProblemKind::SignatureInvalid, detail)
}
