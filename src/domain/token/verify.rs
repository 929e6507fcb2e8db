//! Reading tokens: from text that anybody may have sent to a [`VerifiedToken`], or to nothing.
//!
//! Costs nothing that grows with what is sent before its length is known, and no arithmetic before its header is one of
//! ours. What was believed once is remembered by the digest of its bytes, never by the bytes, and not beyond its end.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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
    audience: String,
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
        let seen = Cache::with_weighter(REMEMBERED, (REMEMBERED * 1024) as u64, ByLength);
        Self { keys, issuer, audience: audience.into(), seen }
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
        let (message, signature) = presented.rsplit_once('.').ok_or(TokenProblem::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(TokenProblem::Malformed)?;
        if claims.contains('.') {
            return Err(TokenProblem::Malformed);
        }
        let key = self.keys.of_header(header, now).ok_or(TokenProblem::UnknownKey)?;
        let signature = base64(signature)?;
        key.verify(message.as_bytes(), &signature).map_err(|_| TokenProblem::BadSignature)?;
        let claims = Claims::read(&base64(claims)?)?;
        if claims.iss != self.issuer.as_str() || claims.aud != self.audience {
            return Err(TokenProblem::WrongParty);
        }
        Ok(VerifiedToken::of(claims))
    }
}

/// Whether the text has the shape of a token of ours. It tells a token from a foreign credential and proves nothing.
#[must_use]
pub fn looks_like_token(text: &str) -> bool {
    text.len() <= MAX_TOKEN
        && text.starts_with(TOKEN_START)
        && text.bytes().filter(|b| *b == b'.').count() == 2
}

/// Unpadded base64url (RFC 7515 §2) in its one spelling: no padding, no blanks, no spare bits.
fn base64(text: &str) -> Result<Vec<u8>, TokenProblem> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenProblem::Malformed)
}
