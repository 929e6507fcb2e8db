//! Making tokens: one function, which takes only the proof that the exchange is on record.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::MAX_TOKEN;
use super::claims::Claims;
use super::keys::TokenKeys;
use super::metadata::Issuer;
use crate::domain::approval::Exchange;
use crate::domain::ledger::Recorded;
use crate::domain::scope::ScopeItem;

/// A token in the clear. It leaves once, to the agent that exchanged, and is wiped from memory after that.
///
/// ```compile_fail
/// fn printed(token: exeat::domain::token::PlainToken) -> String { format!("{token:?}") }
/// ```
/// ```compile_fail
/// fn shown(token: exeat::domain::token::PlainToken) -> String { token.to_string() }
/// ```
/// ```compile_fail
/// fn written(token: &exeat::domain::token::PlainToken) -> String { serde_json::to_string(token).unwrap() }
/// ```
/// ```compile_fail
/// fn copied(token: &exeat::domain::token::PlainToken) -> exeat::domain::token::PlainToken { token.clone() }
/// ```
/// ```compile_fail
/// let forged = exeat::domain::token::PlainToken(String::new().into());
/// ```
/// ```
/// fn handed_over(token: &exeat::domain::token::PlainToken) -> &str { token.expose_secret() }
/// ```
pub struct PlainToken(Zeroizing<String>);

/// A token cannot be made. The exchange stays on record; no token comes of it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MintError {
    /// Nobody approved, or nothing was granted (I1).
    #[error("no token without somebody who approved something")]
    Unapproved,
    /// The items say too much for one token; [`items_fit`] tells before anybody is asked.
    #[error("the token would be longer than {MAX_TOKEN} bytes")]
    TooLong,
}

/// Makes the token of an exchange that is on record.
///
/// # Errors
/// When nobody approved, or the token would be too long.
pub fn mint(
    keys: &TokenKeys,
    issuer: &Issuer,
    audience: &str,
    exchanged: &Recorded<Exchange>,
) -> Result<PlainToken, MintError> {
    let exchange = exchanged.value();
    if exchange.approvers().is_empty() || exchange.items().is_empty() {
        return Err(MintError::Unapproved);
    }
    // Texts, integers and lists of them: nothing that cannot be written.
    let claims = serde_json::to_vec(&Claims::of(exchange, issuer, audience)).unwrap_or_default();
    let length = keys.header().len() + 1 + base64_length(claims.len()) + 1 + base64_length(64);
    if length > MAX_TOKEN {
        return Err(MintError::TooLong);
    }
    // Put together here and not by `jsonwebtoken::encode`, for three reasons: that one leaves unwiped copies of all parts
    // behind, it writes `typ` before `alg`, which is not the one header that our verifiers know, and it expands the key anew
    // for every token.
    // Room for all of it, so that no part of a token is left behind by growing.
    let mut token = Zeroizing::new(String::with_capacity(length));
    token.push_str(keys.header());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(&claims, &mut token);
    let signature = Zeroizing::new(keys.sign(token.as_bytes()));
    token.push('.');
    token.push_str(&signature);
    Ok(PlainToken(token))
}

/// Whether a token can hold these items, with room for everything else a token says. Asked when an approval is
/// requested, so that nobody approves what no token can carry.
#[must_use]
pub fn items_fit(items: &[ScopeItem]) -> bool {
    const MOST: usize = 8 * 1024;
    serde_json::to_vec(items).is_ok_and(|json| json.len() <= MOST)
}

impl PlainToken {
    /// The token. The two ways out: the body of the token response, and the gate of the proxy for a run that shows a placeholder.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

/// The length of unpadded base64 (RFC 4648 §3.2) of so many bytes.
const fn base64_length(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}
