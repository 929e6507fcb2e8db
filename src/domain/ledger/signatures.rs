//! Decisions that people signed, checked by the keys that the log itself says were theirs.

use std::collections::HashMap;

use serde::Deserialize as _;
use serde_json::Value;

use super::event::{Entry, Event};
use crate::base::id::PersonId;
use crate::domain::webauthn::{PasskeyId, PublicKey};

/// The passkeys of people, as far as the log was read.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    passkeys: HashMap<PasskeyId, (PersonId, PublicKey, String)>,
    good: u64,
}

impl Signatures {
    /// How many signed decisions were found good.
    #[must_use]
    pub(super) const fn good(&self) -> u64 {
        self.good
    }

    /// Reads the next entry. `false` for a decision that claims a signature which its person's passkey did not make over it.
    pub(super) fn hold(&mut self, entry: &Value) -> bool {
        let kind = entry.pointer("/event/type").and_then(Value::as_str).unwrap_or_default();
        let tells = ["passkey_registered", "passkey_removed", "person_removed", "decided"].contains(&kind);
        // What a newer version wrote is not judged by this one.
        let Some(entry) = tells.then(|| Entry::deserialize(entry).ok()).flatten() else { return true };
        match entry.event {
            Event::PasskeyRegistered { person, passkey, party, .. } => {
                self.passkeys.insert(passkey.id, (person, passkey.key, party.id().to_owned()));
            }
            Event::PasskeyRemoved { passkey, .. } => drop(self.passkeys.remove(&passkey)),
            Event::PersonRemoved { person, .. } => self.passkeys.retain(|_, (whose, ..)| *whose != person),
            Event::Decided { decision, .. } => {
                let Some(signature) = &decision.signature else { return true };
                let known = self.passkeys.get(&signature.assertion.credential_id);
                let good = known.is_some_and(|(person, key, id)| {
                    *person == decision.person
                        && signature.party.id() == id
                        && signature
                            .assertion
                            .proves(&signature.party, decision.challenge().as_bytes(), key)
                            .is_ok()
                });
                self.good += u64::from(good);
                return good;
            }
            _ => {}
        }
        true
    }
}
