//! What the browser says of the ceremony (§5.8.1): which, over what, and for which page.

use serde::de::{Deserialize, Deserializer, IgnoredAny};

use super::encoding;
use super::refused::Refused;
use super::relying_party::RelyingParty;

/// The longest that is read. A browser writes some three hundred bytes.
const LONGEST: usize = 4096;

/// Which ceremony it is.
#[derive(Clone, Copy)]
pub(super) enum Ceremony {
    /// A registration.
    Create,
    /// An assertion.
    Get,
}

impl Ceremony {
    /// The function of `navigator.credentials` that begins it.
    pub(super) const fn function(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Get => "get",
        }
    }
}

/// Members that are not here are let pass, as §5.8.1 wants it. One that is here and comes twice has two readings, and
/// is refused.
#[derive(serde::Deserialize)]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
    #[serde(rename = "topOrigin", default, deserialize_with = "present")]
    top_origin: bool,
}

/// What §7.1 and §7.2 ask of the client data of either ceremony, in their order.
pub(super) fn check(
    json: &[u8],
    ceremony: Ceremony,
    challenge: &[u8],
    party: &RelyingParty,
) -> Result<(), Refused> {
    Refused::beyond(LONGEST, "clientDataJSON", json)?;
    let data = read(json)?;
    if data.r#type.strip_prefix("webauthn.") != Some(ceremony.function()) {
        return Err(Refused::Ceremony { expected: ceremony.function() });
    }
    if data.challenge != encoding::text(challenge) {
        return Err(Refused::Challenge);
    }
    if !party.is_at(&data.origin) {
        return Err(Refused::Origin);
    }
    if data.cross_origin || data.top_origin {
        return Err(Refused::CrossOrigin);
    }
    Ok(())
}

fn read(json: &[u8]) -> Result<ClientData, Refused> {
    // A byte order mark is not part of the text (Encoding Standard, "UTF-8 decode").
    let text = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    // The reader would not look into the texts that it lets pass, and would take an array for an object.
    let text = std::str::from_utf8(text).map_err(|_| Refused::ClientData)?;
    if !text.trim_ascii_start().starts_with('{') {
        return Err(Refused::ClientData);
    }
    serde_json::from_str(text).map_err(|_| Refused::ClientData)
}

/// That the member is there, whatever it says.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(from).map(|IgnoredAny| true)
}
