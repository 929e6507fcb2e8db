//! Where a sealed secret belongs. The binding goes into the associated data of both layers of encryption, so
//! that a ciphertext moved to another row does not open. It is stored beside the ciphertext, never in it.

use crate::base::id::UpstreamId;
use crate::domain::identity::Identity;

/// What kind of thing is sealed. A closed set; a number is never used again for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// An upstream secret of one acting identity.
    Credential = 1,
    /// A key that signs tokens.
    TokenKey = 2,
    /// The key that signs checkpoints of the ledger.
    LedgerKey = 3,
    /// The key of the certificate authority that the egress proxy shows to sandboxes.
    CaKey = 4,
    /// The key of the certificate that is shown to one upstream.
    ClientKey = 5,
}

/// Everything a sealed secret is tied to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Binding {
    /// What it is.
    pub kind: Kind,
    /// The id of the row that holds it, for example `crd_0190…`, or a key's id.
    pub id: String,
    /// Which version of that row.
    pub version: u64,
    /// The upstream it may be sent to.
    pub upstream: Option<UpstreamId>,
    /// The acting identity it stands for.
    pub identity: Option<Identity>,
    /// Where a use puts it, in canonical text, for example `header:authorization:bearer`.
    pub slot: Option<String>,
}

impl Binding {
    /// A binding of something that belongs to no upstream: a key of this installation.
    #[must_use]
    pub fn of_key(kind: Kind, id: impl Into<String>, version: u64) -> Self {
        Self { kind, id: id.into(), version, upstream: None, identity: None, slot: None }
    }

    /// The associated data of one layer. Injective: the fields come in a fixed order, and each says whether
    /// it is there and how long it is before it begins.
    pub(super) fn associated_data(&self, layer: Layer) -> Vec<u8> {
        let mut out = b"exeat vault 1".to_vec();
        out.push(layer as u8);
        out.push(self.kind as u8);
        out.extend_from_slice(&self.version.to_be_bytes());
        put(&mut out, Some(&self.id));
        put(&mut out, self.upstream.map(|upstream| upstream.to_string()).as_deref());
        put(&mut out, self.identity.as_ref().map(ToString::to_string).as_deref());
        put(&mut out, self.slot.as_deref());
        out
    }
}

/// Which of the two layers of encryption.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Layer {
    /// The secret under its data key.
    Record = 1,
    /// The data key under the key-encryption key.
    DataKey = 2,
}

fn put(out: &mut Vec<u8>, field: Option<&str>) {
    let Some(text) = field else {
        out.push(0);
        return;
    };
    out.push(1);
    out.extend_from_slice(&(text.len() as u64).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}
