//! Reading tokens: from text that anybody may have sent to a [`VerifiedToken`], or to nothing.
//!
//! Costs nothing that grows with what is sent before its length is known, and no arithmetic before its header is one of
//! ours. What was believed once is remembered by the digest of its bytes, never by the bytes, and not beyond its end.

use std::sync::Arc;

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, Validation};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::MAX_TOKEN;
use super::claims::Claims;
use super::keys::{TOKEN_START, TokenKeys};
use super::live::alive;
use super::metadata::Issuer;
use super::problem::TokenProblem;
use super::verified::VerifiedToken;
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::{Digest, sha256};

/// Verifies tokens of one issuer for one audience.
///
/// A change of keys takes a new verifier, which remembers nothing.
pub struct Verifier {
    keys: Arc<TokenKeys>,
    issuer: Issuer,
    validation: Validation,
    seen: Cache<Digest, Seen, ByLength>,
}

/// What is remembered of a token.
#[derive(Clone)]
struct Seen {
    token: Arc<VerifiedToken>,
    length: usize,
}

/// Long tokens say more and take more memory, so they count for more.
#[derive(Clone)]
struct ByLength;

impl Weighter<Digest, Seen> for ByLength {
    fn weight(&self, _: &Digest, seen: &Seen) -> u64 {
        seen.length as u64
    }
}

/// As many tokens of a usual length (1 KiB) as are remembered.
const REMEMBERED: usize = 16 * 1024;

impl Verifier {
    /// A verifier that believes tokens of `issuer` for `audience`, signed with `keys`.
    #[must_use]
    pub fn new(keys: Arc<TokenKeys>, issuer: Issuer, audience: impl Into<String>) -> Self {
        let validation = validation(audience.into());
        let seen = Cache::with_weighter(REMEMBERED, (REMEMBERED * 1024) as u64, ByLength);
        Self { keys, issuer, validation, seen }
    }

    /// Reads what was presented as a token.
    ///
    /// # Errors
    /// The first reason found why it is not one of ours, for here and for now.
    pub fn verify(&self, presented: &str, now: Timestamp) -> Result<Arc<VerifiedToken>, TokenProblem> {
        if presented.len() > MAX_TOKEN {
            return Err(TokenProblem::Malformed);
        }
        let digest = sha256(&[presented.as_bytes()]);
        if let Some(seen) = self.seen.get(&digest) {
            return self.still(seen.token, &digest, now);
        }
        let token = Arc::new(self.first_sight(presented, now)?);
        alive(&token, now)?;
        self.seen.insert(digest, Seen { token: Arc::clone(&token), length: presented.len() });
        Ok(token)
    }

    /// A token seen before: only time can have changed.
    fn still(
        &self,
        token: Arc<VerifiedToken>,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Arc<VerifiedToken>, TokenProblem> {
        match alive(&token, now) {
            Ok(()) => Ok(token),
            Err(problem) => {
                drop(self.seen.remove(digest));
                Err(problem)
            }
        }
    }

    fn first_sight(&self, presented: &str, now: Timestamp) -> Result<VerifiedToken, TokenProblem> {
        let (message, _) = presented.rsplit_once('.').ok_or(TokenProblem::Malformed)?;
        let (header, part) = message.split_once('.').ok_or(TokenProblem::Malformed)?;
        if part.contains('.') {
            return Err(TokenProblem::Malformed);
        }
        let key = self.keys.of_header(header, now).ok_or(TokenProblem::UnknownKey)?;
        // The signature comes first, then base64url in its one spelling, then JSON, then the audience.
        let read =
            jsonwebtoken::decode::<Claims<'static>>(presented, key, &self.validation).map_err(problem)?;
        let claims = read.claims.held_against(part)?;
        if claims.iss != self.issuer.as_str() {
            return Err(TokenProblem::WrongParty);
        }
        Ok(VerifiedToken::of(claims))
    }
}

/// What the library has to check besides the signature.
///
/// Its checks of time are off: it reads the machine's clock, with leeway. Time is checked by [`alive`] with our clock
/// and none, each time a token is presented. The issuer is compared after it, once the claims are known
/// to name one throughout: what contradicts itself is bad, and not foreign.
fn validation(audience: String) -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
    validation.set_audience(&[audience]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}

fn problem(error: Error) -> TokenProblem {
    match error.kind() {
        ErrorKind::Base64(_) | ErrorKind::InvalidToken => TokenProblem::Malformed,
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => TokenProblem::UnknownKey,
        ErrorKind::InvalidSignature => TokenProblem::BadSignature,
        ErrorKind::InvalidAudience => TokenProblem::WrongParty,
        _ => TokenProblem::BadClaims,
    }
}

/// Whether the text has the shape of a token of ours. It tells a token from a foreign credential and proves nothing.
#[must_use]
pub fn looks_like_token(text: &str) -> bool {
    text.len() <= MAX_TOKEN
        && text.starts_with(TOKEN_START)
        && text.bytes().filter(|b| *b == b'.').count() == 2
}
