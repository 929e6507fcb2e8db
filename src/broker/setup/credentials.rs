//! Credentials: sealed on the way in, never given out (E10).

use std::collections::BTreeSet;

use super::super::{Broker, no_randomness, request::invalid};
use crate::base::id::{CredentialId, UpstreamId};
use crate::base::secret::Secret;
use crate::domain::identity::Identity;
use crate::domain::ledger::{Event, Recorded};
use crate::domain::name::Name;
use crate::domain::principal::Person;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::upstream::{Slot, Upstream};
use crate::domain::usage::UseStart;
use crate::planes::secrets::vault::{Binding, Kind, Sealed};
use crate::store::{Change, SealedCredential};

/// A shorter secret could not be told from ordinary text when it comes back from an upstream (E15).
const SHORTEST: usize = 8;
/// A longer one does not fit into a header.
const LONGEST: usize = 16 * 1024;
/// What people write where a secret should be, and what answers are full of, with more in it than letters or letters and a tail.
const COMMON: [&str; 40] = [
    "access-token",
    "access_token",
    "admin",
    "administrator",
    "api-key",
    "api_key",
    "apikey",
    "application/json",
    "application/octet-stream",
    "change-me",
    "change_me",
    "changeme",
    "content-length",
    "content-type",
    "default",
    "example.com",
    "keep-alive",
    "letmein",
    "localhost",
    "my-secret",
    "my_secret",
    "p@ssw0rd",
    "p@ssword",
    "passw0rd",
    "password",
    "placeholder",
    "private-token",
    "private_token",
    "qwerty",
    "secret",
    "secret-key",
    "secret_key",
    "set-cookie",
    "text/html",
    "text/plain",
    "token",
    "user-agent",
    "your-api-key",
    "your_api_key",
    "x-access-token",
];

impl Broker {
    /// Seals a credential. A second one for the same upstream and identity is its next version; approvals for the one before are
    /// stale.
    ///
    /// # Errors
    /// When upstream or identity are not installed, or the secret cannot be placed.
    pub async fn put_credential(
        &self,
        by: &Person,
        upstream: &Name,
        identity: &Identity,
        secret: Secret,
    ) -> Result<SealedCredential, Problem> {
        check(&secret)?;
        let catalog = self.catalog();
        let found = catalog.upstream(upstream).ok_or_else(|| {
            invalid("/upstream", &format!("add it first: `exeat upstream add {upstream} …`"))
        })?;
        if !catalog.identities().contains(identity) {
            return Err(invalid("/identity", &format!("add it first: `exeat identity add {identity}`")));
        }
        let known = catalog.credential(found.id, identity);
        let id = match known {
            Some(known) => known.id,
            None => CredentialId::new(self.parts.clock.as_ref(), self.parts.random.as_ref())
                .map_err(no_randomness)?,
        };
        let version = known.map_or(1, |known| known.version + 1);
        let binding = binding(id, version, found.id, identity, &found.slot);
        let sealed =
            self.parts.vault.seal(&binding, &secret, self.parts.random.as_ref()).map_err(vault_failed)?;
        drop(secret);
        let sealed = sealed.as_bytes().to_vec();
        let event = Event::CredentialSealed {
            credential: id,
            version,
            upstream: found.id,
            upstream_name: found.name.clone(),
            identity: identity.clone(),
            by: by.id,
        };
        let (upstream, identity) = (found.id, identity.clone());
        let change = Change::PutCredential {
            credential: id,
            version,
            upstream,
            identity: identity.clone(),
            sealed: sealed.clone(),
        };
        self.install(by, change, event).await?;
        self.cuts.cut(|under_way| under_way.credential == id);
        Ok(SealedCredential { id, version, upstream, identity, sealed })
    }

    /// Opens a credential for a use that is on record, and for nothing else.
    pub(in crate::broker) fn open_credential(
        &self,
        _on_record: &Recorded<UseStart>,
        upstream: &Upstream,
        credential: &SealedCredential,
    ) -> Result<Secret, Problem> {
        let binding =
            binding(credential.id, credential.version, upstream.id, &credential.identity, &upstream.slot);
        let sealed = Sealed::parse(&credential.sealed).map_err(|error| {
            tracing::error!(error = %error, credential = %credential.id, "sealed credential cannot be read");
            Problem::new(
                ProblemKind::Internal,
                "The credential cannot be opened; an operator has to add it again.",
            )
        })?;
        self.parts.vault.open(&binding, &sealed).map_err(vault_failed)
    }
}

pub(super) fn binding(
    id: CredentialId,
    version: u64,
    upstream: UpstreamId,
    identity: &Identity,
    slot: &Slot,
) -> Binding {
    Binding {
        kind: Kind::Credential,
        id: id.to_string(),
        version,
        upstream: Some(upstream),
        identity: Some(identity.clone()),
        slot: Some(slot.to_string()),
    }
}

fn check(secret: &Secret) -> Result<(), Problem> {
    let bytes = secret.expose_secret();
    if !(SHORTEST..=LONGEST).contains(&bytes.len()) {
        return Err(invalid("/secret", &format!("give {SHORTEST} to {LONGEST} bytes")));
    }
    if let Some(what) = likeness(bytes) {
        return Err(invalid(
            "/secret",
            &format!("this is {what}, which answers hold anyway; have the upstream issue a longer secret"),
        ));
    }
    // What cannot stand in a header field value (RFC 9110 §5.5) would change the request around it (C16).
    if !bytes.iter().all(u8::is_ascii_graphic) {
        return Err(invalid("/secret", "only printable ASCII without spaces can be placed in a request"));
    }
    Ok(())
}

/// What a secret is like that could stand in any answer by accident, and be masked there (E15). A digit is worth 3.3 bits and a
/// letter 4.7; from this length on, neither digits nor letters alone are guessed or met by chance.
fn likeness(bytes: &[u8]) -> Option<&'static str> {
    const LONG: usize = 16;
    let distinct: BTreeSet<u8> = bytes.iter().copied().collect();
    // The digits and marks that people put behind a word do not make it a secret.
    let end = bytes.iter().rposition(u8::is_ascii_alphabetic).map_or(0, |last| last + 1);
    let word = bytes.get(..end).unwrap_or_default();
    let is = |text: &[u8]| COMMON.iter().any(|common| common.as_bytes().eq_ignore_ascii_case(text));
    if distinct.len() < 5 {
        Some("a repetition")
    } else if bytes.len() < LONG && bytes.iter().all(u8::is_ascii_digit) {
        Some("a number")
    } else if bytes.len() < LONG && bytes.iter().all(u8::is_ascii_alphabetic) {
        Some("a word")
    } else if is(bytes) || is(word) {
        Some("a common word")
    } else {
        None
    }
}

pub(super) fn vault_failed(error: crate::planes::secrets::vault::VaultError) -> Problem {
    tracing::error!(error = &error as &dyn std::error::Error, "vault failed");
    Problem::new(
        ProblemKind::Internal,
        "The vault failed and nothing was done; an operator finds why in the log of the broker.",
    )
}
