//! A person's new passkey (§7.1).

use std::collections::BTreeSet;

use minicbor::Decoder;
use minicbor::data::Type;
use serde::{Deserialize, Serialize};

use super::authenticator_data::AuthenticatorData;
use super::cbor::{LEVELS, map, skip};
use super::client_data::{self, Ceremony};
use super::encoding;
use super::passkey::{Passkey, Transport};
use super::refused::Refused;
use super::relying_party::RelyingParty;

/// The longest attestation object that is read. Most of a long one are certificates.
const LONGEST: usize = 64 * 1024;

/// What `navigator.credentials.create` gave (§5.2.1), to be verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// `response.clientDataJSON`.
    #[serde(with = "encoding")]
    pub client_data_json: Vec<u8>,
    /// `response.attestationObject`.
    #[serde(with = "encoding")]
    pub attestation_object: Vec<u8>,
    /// `response.getTransports()`. Those that are not known are left out.
    #[serde(default, deserialize_with = "Transport::known")]
    pub transports: BTreeSet<Transport>,
}

impl Registration {
    /// The passkey that was made for `party` when `challenge` (16 random bytes or more, §13.4.3) was to be signed.
    ///
    /// The options are expected to have asked for user verification, for [`super::PublicKey::ALGORITHMS`], and for no
    /// attestation. Statements of attestation are not verified, whatever their format: authenticators may attest
    /// themselves unasked (§5.1.3), and where no trust hangs on the make of one, every passkey counts as self-attested.
    /// So nothing proves that whoever registers a key holds it, until it signs: the id must be new (§7.1).
    ///
    /// # Errors
    /// The first rule of §7.1 that is broken, in its order.
    pub fn verify(&self, party: &RelyingParty, challenge: &[u8]) -> Result<Passkey, Refused> {
        client_data::check(&self.client_data_json, Ceremony::Create, challenge, party)?;
        Refused::beyond(LONGEST, "attestationObject", &self.attestation_object)?;
        let data = AuthenticatorData::read(authenticator_data_in(&self.attestation_object)?)?;
        data.check(party)?;
        let (id, key) = data.attested()?;
        Ok(Passkey {
            id,
            key,
            sign_count: data.sign_count,
            backup_eligible: data.backup_eligible(),
            backed_up: data.backed_up(),
            transports: self.transports.clone(),
        })
    }
}

/// `authData` of an attestation object: a map of `fmt`, `attStmt` and `authData` (§6.5.4), in any order.
pub(super) fn authenticator_data_in(object: &[u8]) -> Result<&[u8], Refused> {
    let mut reader = Decoder::new(object);
    let (format, statement, data) = members(&mut reader).ok_or(Refused::AttestationObject)?;
    if reader.position() != object.len() {
        return Err(Refused::AttestationObject);
    }
    // §8.7: the one statement of this format is the empty map.
    if format == "none" && object.get(statement) != Some(&[0xa0]) {
        return Err(Refused::AttestationStatement);
    }
    Ok(data)
}

type Members<'a> = (&'a str, std::ops::Range<usize>, &'a [u8]);

fn members<'a>(reader: &mut Decoder<'a>) -> Option<Members<'a>> {
    let (mut format, mut statement, mut data) = (None, None, None);
    // With three pairs, one that comes twice leaves another out.
    if map(reader)? != 3 {
        return None;
    }
    for _ in 0..3 {
        match reader.str().ok()? {
            "fmt" => format = Some(reader.str().ok()?),
            "attStmt" => {
                // A map, or an array of them (§6.5.4).
                matches!(reader.datatype(), Ok(Type::Map | Type::Array)).then_some(())?;
                let start = reader.position();
                skip(reader, LEVELS)?;
                statement = Some(start..reader.position());
            }
            "authData" => data = Some(reader.bytes().ok()?),
            _ => return None,
        }
    }
    Some((format?, statement?, data?))
}
