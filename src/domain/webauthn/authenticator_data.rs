//! What the authenticator says and signs (§6.1): for whom, who was there, how often, and at first which key.

use minicbor::Decoder;

use super::cbor::skip_named;
use super::cose::PublicKey;
use super::passkey::PasskeyId;
use super::refused::Refused;
use super::relying_party::RelyingParty;

/// The flags of §6.1, by their bits.
mod flag {
    pub(super) const USER_PRESENT: u8 = 1;
    pub(super) const USER_VERIFIED: u8 = 1 << 2;
    pub(super) const BACKUP_ELIGIBLE: u8 = 1 << 3;
    pub(super) const BACKED_UP: u8 = 1 << 4;
    pub(super) const RESERVED: u8 = 1 << 1 | 1 << 5;
    pub(super) const ATTESTED: u8 = 1 << 6;
    pub(super) const EXTENSIONS: u8 = 1 << 7;
}

/// The first 37 bytes, and those that follow.
pub(super) struct AuthenticatorData<'a> {
    id_hash: &'a [u8; 32],
    flags: u8,
    pub(super) sign_count: u32,
    rest: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Refused> {
        let (id_hash, rest) = bytes.split_first_chunk().ok_or(Refused::AuthenticatorData)?;
        let (flags, rest) = rest.split_first().ok_or(Refused::AuthenticatorData)?;
        let (count, rest) = rest.split_first_chunk().ok_or(Refused::AuthenticatorData)?;
        Ok(Self { id_hash, flags: *flags, sign_count: u32::from_be_bytes(*count), rest })
    }

    /// What §7.1 and §7.2 ask of both, in their order, and that nothing unknown is said.
    pub(super) fn check(&self, party: &RelyingParty) -> Result<(), Refused> {
        if self.id_hash != party.id_hash().as_bytes() {
            return Err(Refused::RelyingParty);
        }
        if !self.has(flag::USER_PRESENT) {
            return Err(Refused::UserPresence);
        }
        if !self.has(flag::USER_VERIFIED) {
            return Err(Refused::UserVerification);
        }
        if self.backed_up() && !self.backup_eligible() {
            return Err(Refused::BackupState);
        }
        if self.has(flag::RESERVED) {
            return Err(Refused::ReservedFlag);
        }
        Ok(())
    }

    pub(super) fn backup_eligible(&self) -> bool {
        self.has(flag::BACKUP_ELIGIBLE)
    }

    pub(super) fn backed_up(&self) -> bool {
        self.has(flag::BACKED_UP)
    }

    /// The new passkey, of a registration.
    pub(super) fn attested(&self) -> Result<(PasskeyId, PublicKey), Refused> {
        if !self.has(flag::ATTESTED) {
            return Err(Refused::NoPasskey);
        }
        // The AAGUID says which make the authenticator is, and nothing vouches for it.
        let (_, rest) = self.rest.split_first_chunk::<16>().ok_or(Refused::AuthenticatorData)?;
        let (length, rest) = rest.split_first_chunk().ok_or(Refused::AuthenticatorData)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (id, rest) = rest.split_at_checked(length).ok_or(Refused::AuthenticatorData)?;
        let id = PasskeyId::from_bytes(id).map_err(|_| Refused::PasskeyId)?;
        let (key, rest) = PublicKey::split_from(rest)?;
        self.end(rest)?;
        Ok((id, key))
    }

    /// That there is no new passkey: an assertion is by an old one.
    pub(super) fn not_attested(&self) -> Result<(), Refused> {
        if self.has(flag::ATTESTED) {
            return Err(Refused::NewPasskey);
        }
        self.end(self.rest)
    }

    /// Extension outputs, which are not looked into, if the flag says so; then nothing.
    fn end(&self, bytes: &[u8]) -> Result<(), Refused> {
        let mut reader = Decoder::new(bytes);
        if self.has(flag::EXTENSIONS) {
            skip_named(&mut reader).ok_or(Refused::Extensions)?;
        }
        if reader.position() == bytes.len() { Ok(()) } else { Err(Refused::AuthenticatorData) }
    }

    /// Whether any of `flags` is set.
    const fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }
}
