//! What people signed, checked by the keys that the log itself says were theirs.

use std::collections::HashMap;

use serde::Deserialize as _;
use serde_json::Value;

use super::event::{Entry, Event};
use crate::base::crypto::hash::Digest;
use crate::base::id::PersonId;
use crate::domain::passkeys::PasskeyChange;
use crate::domain::webauthn::{PasskeyId, PublicKey, Signature};

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

    /// Reads the next entry. `false` for a decision that claims a signature which its person's passkey did not make over it, and for a
    /// change of a person's passkeys that none of theirs signed.
    pub(super) fn hold(&mut self, entry: &Value) -> bool {
        let kind = entry.pointer("/event/type").and_then(Value::as_str).unwrap_or_default();
        let tells = ["passkey_registered", "passkey_removed", "person_removed", "decided"].contains(&kind);
        // What a newer version wrote is not judged by this one.
        let Some(entry) = tells.then(|| Entry::deserialize(entry).ok()).flatten() else { return true };
        match entry.event {
            Event::PasskeyRegistered { person, passkey, party, signature, .. } => {
                let first = self.passkeys.values().all(|(whose, ..)| *whose != person);
                let change = PasskeyChange::Register(&passkey).challenge();
                let good = match signature {
                    Some(signature) => self.is_good(person, &signature, change),
                    None => first,
                };
                self.passkeys.insert(passkey.id, (person, passkey.key, party.id().to_owned()));
                good
            }
            Event::PasskeyRemoved { person, passkey, signature } => {
                let good = self.is_good(person, &signature, PasskeyChange::Remove(&passkey).challenge());
                self.passkeys.remove(&passkey);
                good
            }
            Event::PersonRemoved { person, .. } => {
                self.passkeys.retain(|_, (whose, ..)| *whose != person);
                true
            }
            Event::Decided { decision, .. } => {
                let Some(signature) = &decision.signature else { return true };
                let good = self.is_good(decision.person, signature, decision.challenge());
                self.good += u64::from(good);
                good
            }
            _ => true,
        }
    }

    /// Whether a passkey that is `person`'s here made this signature over `challenge`.
    fn is_good(&self, person: PersonId, signature: &Signature, challenge: Digest) -> bool {
        let known = self.passkeys.get(&signature.assertion.credential_id);
        known.is_some_and(|(whose, key, id)| {
            let Signature { party, assertion } = signature;
            *whose == person && party.id() == id && assertion.proves(party, challenge.as_bytes(), key).is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::crypto::hash::sha256;
    use crate::domain::approval::{Authentication, Decision, ItemDecision, Verdict};
    use crate::domain::webauthn::tests::authenticator::{Authenticator, party};

    const ALICE: &str = "per_0192a0b0c0d070008000000000000001";
    const BOB: &str = "per_0192a0b0c0d070008000000000000002";

    fn registered(person: &str, authenticator: &Authenticator) -> Value {
        json!({"at": "2026-11-23T22:14:33.114219Z", "event": {"type": "passkey_registered", "person": person,
            "name": "laptop", "passkey": authenticator.registers(), "party": party()}})
    }

    fn no(person: &str) -> Decision {
        Decision {
            person: person.parse().unwrap(),
            name: "Alice".parse().unwrap(),
            at: "2026-11-23T22:14:33Z".to_owned().try_into().unwrap(),
            authenticated_by: Authentication::Passkey,
            statement_digest: sha256(&[b"the words"]),
            items: vec![ItemDecision { index: 0, verdict: Verdict::Deny, granted: None }],
            reason: None,
            signature: None,
        }
    }

    fn signed(decision: Decision, authenticator: &Authenticator) -> Decision {
        let assertion = authenticator.signs(decision.challenge().as_bytes());
        Decision { signature: Some(Box::new(Signature { party: party(), assertion })), ..decision }
    }

    fn decided(decision: &Decision) -> Value {
        json!({"at": "2026-11-23T22:14:33.114219Z", "event": {"type": "decided",
            "approval": "apr_0192a0b0c0d070008000000000000003", "agent": "agt_0192a0b0c0d070008000000000000004",
            "run": null, "decision": decision, "state": "denied"}})
    }

    #[test]
    fn f05_a_decision_bears_the_signature_of_its_person_over_itself_or_is_named() {
        let (laptop, other) = (Authenticator::es256(), Authenticator::es256());
        let good = signed(no(ALICE), &laptop);
        let told = |entries: &[Value]| {
            let mut signatures = Signatures::default();
            entries.iter().map(|entry| signatures.hold(entry)).collect::<Vec<_>>()
        };
        let known = registered(ALICE, &laptop);
        assert_eq!(told(&[known.clone(), decided(&good), decided(&no(ALICE))]), [true, true, true]);
        let mut other_words = good.clone();
        other_words.statement_digest = sha256(&[b"other words"]);
        let mut other_answer = good.clone();
        other_answer.reason = Some("No".parse().unwrap());
        let mut other_person = good.clone();
        other_person.person = BOB.parse().unwrap();
        for forged in [&other_words, &other_answer, &other_person, &signed(no(ALICE), &other)] {
            assert_eq!(told(&[known.clone(), decided(forged)]), [true, false]);
        }
        // A second one that the first did not sign for: whoever had only the session.
        assert_eq!(told(&[known.clone(), registered(ALICE, &other)]), [true, false]);
        // Before it was registered, and after it was removed with its person.
        assert_eq!(told(&[decided(&good)]), [false]);
        let gone = json!({"at": "2026-11-23T22:14:33.114219Z",
            "event": {"type": "person_removed", "person": ALICE, "by": BOB}});
        assert_eq!(told(&[known, gone, decided(&good)]), [true, true, false]);
    }
}
