//! What a person signed with their passkey (§7.2).

use serde::{Deserialize, Serialize};

use super::authenticator_data::AuthenticatorData;
use super::client_data::{self, Ceremony};
use super::cose::PublicKey;
use super::encoding;
use super::passkey::{Passkey, PasskeyId};
use super::refused::Refused;
use super::relying_party::RelyingParty;
use crate::base::crypto::hash::sha256;

/// The longest authenticator data that is read. Without extensions it has 37 bytes.
const LONGEST_DATA: usize = 4096;

/// The longest signature: RSA with a modulus of 8192 bits.
const LONGEST_SIGNATURE: usize = 1024;

/// The longest user handle (§5.4.3).
const LONGEST_USER_HANDLE: usize = 64;

/// What `navigator.credentials.get` gave (§5.2.2). Can be kept, and verified again by anybody who has the public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assertion {
    /// `rawId`: which passkey signed.
    pub credential_id: PasskeyId,
    /// `response.clientDataJSON`.
    #[serde(with = "encoding")]
    pub client_data_json: Vec<u8>,
    /// `response.authenticatorData`.
    #[serde(with = "encoding")]
    pub authenticator_data: Vec<u8>,
    /// `response.signature`.
    #[serde(with = "encoding")]
    pub signature: Vec<u8>,
    /// `response.userHandle`: whose passkey it says it is. Not signed, so nothing is proved by it.
    #[serde(default, with = "encoding::optional", skip_serializing_if = "Option::is_none")]
    pub user_handle: Option<Vec<u8>>,
}

/// An assertion that holds. Only verification makes one.
///
/// ```compile_fail
/// use exeat::domain::webauthn::Asserted;
/// let made = Asserted { sign_count: 1, backup_eligible: false, backed_up: false };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Asserted {
    sign_count: u32,
    backup_eligible: bool,
    backed_up: bool,
}

impl Asserted {
    /// The passkey's counter, to be kept with it.
    #[must_use]
    pub const fn sign_count(&self) -> u32 {
        self.sign_count
    }

    /// Whether the passkey may be on more than one device.
    #[must_use]
    pub const fn backup_eligible(&self) -> bool {
        self.backup_eligible
    }

    /// Whether it is, to be kept with it.
    #[must_use]
    pub const fn backed_up(&self) -> bool {
        self.backed_up
    }
}

impl Assertion {
    /// Whether `passkey` signed `challenge` for `party`, now: for the broker, which knows how often it signed before.
    ///
    /// The counter is compared with that of `passkey`, so it must not rise between this and keeping the new one.
    ///
    /// # Errors
    /// The first rule of §7.2 that is broken, in its order.
    pub fn verify(
        &self,
        party: &RelyingParty,
        challenge: &[u8],
        passkey: &Passkey,
    ) -> Result<Asserted, Refused> {
        if self.credential_id != passkey.id {
            return Err(Refused::OtherPasskey);
        }
        let asserted = self.proves(party, challenge, &passkey.key)?;
        if asserted.backup_eligible != passkey.backup_eligible {
            return Err(Refused::BackupEligibility);
        }
        let counts = asserted.sign_count != 0 || passkey.sign_count != 0;
        if counts && asserted.sign_count <= passkey.sign_count {
            return Err(Refused::SignCount);
        }
        Ok(asserted)
    }

    /// Whether the holder of `key` signed `challenge` for `party`, at some time: for a reader of the ledger.
    ///
    /// # Errors
    /// The first rule of §7.2 that is broken, in its order, but for those about what was known of the passkey before.
    pub fn proves(
        &self,
        party: &RelyingParty,
        challenge: &[u8],
        key: &PublicKey,
    ) -> Result<Asserted, Refused> {
        Refused::beyond(LONGEST_DATA, "authenticatorData", &self.authenticator_data)?;
        Refused::beyond(LONGEST_SIGNATURE, "signature", &self.signature)?;
        Refused::beyond(LONGEST_USER_HANDLE, "userHandle", self.user_handle.as_deref().unwrap_or_default())?;
        client_data::check(&self.client_data_json, Ceremony::Get, challenge, party)?;
        let data = AuthenticatorData::read(&self.authenticator_data)?;
        data.check(party)?;
        data.not_attested()?;
        key.verify(&self.signed(), &self.signature).map_err(|_| Refused::Signature)?;
        Ok(Asserted {
            sign_count: data.sign_count,
            backup_eligible: data.backup_eligible(),
            backed_up: data.backed_up(),
        })
    }

    /// How often its passkey says it has signed (§6.1). Nobody has verified it.
    #[must_use]
    pub fn sign_count(&self) -> Option<u32> {
        AuthenticatorData::read(&self.authenticator_data).ok().map(|data| data.sign_count)
    }

    /// What the signature is over (§6.3.3).
    pub(super) fn signed(&self) -> Vec<u8> {
        let digest = sha256(&[&self.client_data_json]);
        [&self.authenticator_data[..], digest.as_bytes()].concat()
    }
}
