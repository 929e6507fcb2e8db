//! Why a token is not accepted. The entry has the reason; whoever presented it learns only that it is not.

/// A token was not accepted. Every variant displays alike (design §14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TokenProblem {
    /// Too long, or not three parts of unpadded base64url.
    #[error("the token is not accepted")]
    Malformed,
    /// Another algorithm, type or key than ours, or a key that has been retired for too long.
    #[error("the token is not accepted")]
    UnknownKey,
    /// The signature is not that of the key.
    #[error("the token is not accepted")]
    BadSignature,
    /// A claim is missing, of the wrong type, unknown, repeated or out of range, or contradicts another.
    #[error("the token is not accepted")]
    BadClaims,
    /// Another issuer made it, or it is for another audience.
    #[error("the token is not accepted")]
    WrongParty,
    /// It begins later.
    #[error("the token is not accepted")]
    NotYetValid,
    /// It has ended.
    #[error("the token is not accepted")]
    Expired,
    /// Another agent presents it than the one it was made for (G01).
    #[error("the token is not accepted")]
    WrongHolder,
}

impl TokenProblem {
    /// The reason in a fixed word, for the entry and for metrics; never for whoever presented the token.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::BadClaims => "bad_claims",
            Self::WrongParty => "wrong_party",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::WrongHolder => "wrong_holder",
        }
    }
}
