//! Text that is secret and has to cross the wire once: an upstream secret on its way in, a new key on its way out.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{RefOr, SchemaFormat};
use zeroize::Zeroizing;

use crate::base::secret::Secret;

/// Secret text: wiped when dropped, never printed. It is written only into the one body that has to carry it.
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a character that would change the meaning of a header or a line is in it (C16).
    #[must_use]
    pub fn has_control(&self) -> bool {
        self.0.chars().any(char::is_control)
    }

    /// The same bytes as the vault takes them.
    #[must_use]
    pub fn into_secret(self) -> Secret {
        Secret::new(self.0.as_bytes().to_vec())
    }

    /// Looks inside, to show a new key to the person it was made for.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

impl utoipa::PartialSchema for SecretText {
    fn schema() -> RefOr<Schema> {
        let schema = ObjectBuilder::new().schema_type(Type::String);
        schema.format(Some(SchemaFormat::Custom("password".to_owned()))).into()
    }
}

impl ToSchema for SecretText {}
