//! Bytes in JSON: base64url without padding (RFC 4648 §5), one spelling for each value.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::Serializer;

/// The text that stands for `bytes`.
pub(super) fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes that `text` stands for, if it is how they are written.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

pub(super) fn serialize<S: Serializer>(bytes: &impl AsRef<[u8]>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&text(bytes.as_ref()))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>, T: TryFrom<Vec<u8>>>(from: D) -> Result<T, D::Error> {
    let bytes = bytes(&String::deserialize(from)?);
    bytes
        .and_then(|bytes| T::try_from(bytes).ok())
        .ok_or_else(|| Error::custom("expected base64url without padding, of the right length"))
}

/// The same for a member that may be missing.
pub(super) mod optional {
    use super::{Deserializer, Serializer, deserialize as required, serialize as written};

    #[expect(clippy::ref_option, reason = "serde hands over a reference to the member")]
    pub(in super::super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => written(bytes, to),
            None => to.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        required(from).map(Some)
    }
}
