//! Why a registration or an assertion is refused.

/// One variant for each rule. The text says what the person, or the page they use, is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A member is longer than anything an honest browser sends.
    #[error("{member} is longer than {most} bytes: send what the browser gave, and nothing else")]
    TooLong {
        /// Which.
        member: &'static str,
        /// How long it may be.
        most: usize,
    },
    /// The client data is not what a browser writes (§5.8.1).
    #[error(
        "clientDataJSON is not a JSON object with one type, challenge and origin: send it as the browser gave it"
    )]
    ClientData,
    /// It is about the other ceremony: registering is not signing, and signing is not registering (§7.1, §7.2).
    #[error(
        "the browser was asked for something else: this takes what navigator.credentials.{expected} gives"
    )]
    Ceremony {
        /// What should have been called.
        expected: &'static str,
    },
    /// Something else was signed than what was to be signed.
    #[error("another challenge was signed: take the challenge of now and let the passkey sign that")]
    Challenge,
    /// The page was at an address that is not ours.
    #[error("the page that asked is not at an address of this relying party: open it at its own address")]
    Origin,
    /// The page was inside one of another site, where it can be made to look like something else.
    #[error("the page was inside a page of another site: open it by itself")]
    CrossOrigin,
    /// The attestation object is not what §6.5.4 says.
    #[error("the attestation object is not one: send attestationObject as the browser gave it")]
    AttestationObject,
    /// A statement of the format `none` says something (§8.7).
    #[error("the attestation has the format none and a statement: register with another authenticator")]
    AttestationStatement,
    /// The authenticator data is shorter or longer than it says itself (§6.1).
    #[error("the authenticator data is cut off or has something behind it: send it as the browser gave it")]
    AuthenticatorData,
    /// A flag is set that has no meaning yet (§6.1).
    #[error("the authenticator set a flag that is reserved: use another authenticator")]
    ReservedFlag,
    /// The passkey belongs to another relying party.
    #[error("the passkey is for another relying party: use the one that was registered here")]
    RelyingParty,
    /// Nobody touched the authenticator.
    #[error("nobody was seen at the authenticator: sign again and confirm it there")]
    UserPresence,
    /// The authenticator did not check who used it.
    #[error("the authenticator did not verify its user: sign again with its PIN, fingerprint or face")]
    UserVerification,
    /// It says that the passkey is backed up and cannot be (§6.1.3).
    #[error("the authenticator says that a passkey is backed up that cannot be: use another authenticator")]
    BackupState,
    /// Whether the passkey can be backed up changed since it was registered, which it never does (§6.1.3).
    #[error("whether the passkey can be backed up has changed: register it anew")]
    BackupEligibility,
    /// A registration without a passkey in it (§6.1).
    #[error("there is no new passkey in the authenticator data: send what navigator.credentials.create gave")]
    NoPasskey,
    /// An assertion with a passkey in it, which only registrations have (§6.1).
    #[error("there is a new passkey in the authenticator data: send what navigator.credentials.get gave")]
    NewPasskey,
    /// The id of the new passkey is empty or too long (§6.5.1).
    #[error(
        "the id of a passkey has 1 to {} bytes: register with another authenticator",
        super::PasskeyId::MAX_LEN
    )]
    PasskeyId,
    /// The new passkey's key is of another algorithm, or written in another way than §6.5.1 says.
    #[error(
        "the key is not a COSE_Key for ES256, EdDSA with Ed25519, or RS256 from 2048 bits: \
         offer these three when registering"
    )]
    Key,
    /// The extension outputs are not a map of CBOR by their names (§9.5).
    #[error("the extension outputs of the authenticator are malformed: ask for no extensions")]
    Extensions,
    /// It was signed with a passkey, but not with this one.
    #[error("another passkey signed: use the one that was asked for")]
    OtherPasskey,
    /// The key did not sign this.
    #[error("the signature is not the passkey's: sign again with the passkey that was registered")]
    Signature,
    /// The counter did not rise (§6.1.1): the assertion is not newer than the last, or a copy of the passkey counts by
    /// itself.
    #[error(
        "the passkey's counter did not rise: sign again; if that is refused too, it may have been copied: \
         remove it and register another"
    )]
    SignCount,
}

impl Refused {
    /// Refuses `bytes` that are longer than `most`.
    pub(super) const fn beyond(most: usize, member: &'static str, bytes: &[u8]) -> Result<(), Self> {
        if bytes.len() > most { Err(Self::TooLong { member, most }) } else { Ok(()) }
    }
}
