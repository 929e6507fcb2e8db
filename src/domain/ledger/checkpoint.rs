//! Signed tree heads (C2SP tlog-checkpoint).
//!
//! A checkpoint says: the log of this name had this many entries with this root. The store signs one per committed
//! batch; a log never signs two that disagree. Extension lines are refused: Exeat writes none, nobody can audit them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::merkle::Frontier;
use super::note::{NoteError, Origin, SignatureLine, VerifierKey};
use crate::base::crypto::hash::Digest;
use crate::base::crypto::sign::SigningKey;

/// What a log commits to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: Origin,
    /// How many entries it has.
    pub size: u64,
    /// The root of the Merkle tree over them.
    pub root: Digest,
}

impl Checkpoint {
    /// The commitment over a tree.
    #[must_use]
    pub fn of(origin: Origin, tree: &Frontier) -> Self {
        Self { origin, size: tree.size(), root: tree.root() }
    }

    /// Signs it with the log's own key.
    #[must_use]
    pub fn sign(self, key: &SigningKey) -> SignedCheckpoint {
        let id = VerifierKey::new(self.origin.clone(), key.public()).id();
        let signature = key.sign(self.to_string().as_bytes()).to_vec();
        let line = SignatureLine { name: self.origin.to_string(), id, signature };
        SignedCheckpoint { checkpoint: self, signatures: vec![line] }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let size = decimal(size).filter(|size| *size <= Frontier::MAX_SIZE)?;
        let root = Digest::from_bytes(STANDARD.decode(root).ok()?.try_into().ok()?);
        lines.next().is_none().then_some(Self { origin: origin.parse().ok()?, size, root })
    }
}

/// The note text: what is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, STANDARD.encode(self.root.as_bytes()))
    }
}

/// A checkpoint with its signatures, which are not yet believed: see [`SignedCheckpoint::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    signatures: Vec<SignatureLine>,
}

impl SignedCheckpoint {
    /// The longest note that is read, in bytes: sixteen signatures of the largest kind known fit.
    pub const MAX_LEN: usize = 128 * 1024;

    /// What the checkpoint claims, whether or not anybody trusted signed it.
    #[must_use]
    pub const fn claim(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// What the checkpoint says, once one of `keys` is found to have signed it for its own log. Lines of other keys
    /// are ignored, as the format demands; a line under a trusted key's name and id must verify.
    ///
    /// # Errors
    /// [`NoteError::BadSignature`] and [`NoteError::UnknownKey`].
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<&Checkpoint, NoteError> {
        let text = self.checkpoint.to_string();
        let mut signed = false;
        for key in keys.iter().filter(|key| *key.origin() == self.checkpoint.origin) {
            let lines = self.signatures.iter().filter(|line| line.name == key.origin().as_str());
            for line in lines.filter(|line| line.id == key.id()) {
                key.key().verify(text.as_bytes(), &line.signature).map_err(|_| NoteError::BadSignature)?;
                signed = true;
            }
        }
        if signed { Ok(&self.checkpoint) } else { Err(NoteError::UnknownKey) }
    }

    /// The signed note, ready to be published.
    #[must_use]
    pub fn to_note(&self) -> String {
        let mut note = format!("{}\n", self.checkpoint);
        for line in &self.signatures {
            note.push_str(&line.to_string());
            note.push('\n');
        }
        note
    }

    /// Reads a signed note. Every note has one text: what is read is written back the same.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > Self::MAX_LEN {
            return Err(NoteError::Malformed("too long"));
        }
        let at = note.rfind("\n\n").ok_or(NoteError::Malformed("no signatures"))?;
        let (text, signatures) = note.split_at(at + 1);
        let checkpoint = Checkpoint::parse(text).ok_or(NoteError::Malformed("not origin, size and root"))?;
        let lines = signatures.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
        let lines = lines.ok_or(NoteError::Malformed("no signatures"))?;
        let signatures: Option<Vec<_>> = lines.split('\n').map(SignatureLine::parse).collect();
        let signatures = signatures.ok_or(NoteError::Malformed("a signature line of the wrong form"))?;
        Ok(Self { checkpoint, signatures })
    }
}

/// A number in ASCII digits as a log writes it: no sign, no leading zeros.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let plain = digits && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;
    use crate::domain::ledger::merkle::leaf_hash;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&Secret::new(vec![seed; 32])).unwrap()
    }

    fn origin(text: &str) -> Origin {
        text.parse().unwrap()
    }

    fn verifier(name: &str, seed: u8) -> VerifierKey {
        VerifierKey::new(origin(name), key(seed).public())
    }

    fn checkpoint(name: &str) -> Checkpoint {
        let mut tree = Frontier::default();
        tree.append(leaf_hash(b"a"));
        Checkpoint::of(origin(name), &tree)
    }

    #[test]
    fn a_checkpoint_reads_back_and_verifies() {
        let signed = checkpoint("exeat.example/log").sign(&key(7));
        let note = signed.to_note();
        assert!(note.starts_with("exeat.example/log\n1\nAip"), "{note}");
        let read = SignedCheckpoint::parse(&note).unwrap();
        assert_eq!(read, signed);
        assert_eq!(read.to_note(), note);
        assert_eq!(read.verify(&[verifier("exeat.example/log", 7)]), Ok(&checkpoint("exeat.example/log")));
    }

    #[test]
    fn the_published_example_reads_back() {
        let note = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
            \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
        let read = SignedCheckpoint::parse(note).unwrap();
        assert_eq!((read.claim().size, read.to_note().as_str()), (20_852_163, note));
    }

    #[test]
    fn signatures_of_strangers_are_ignored_and_not_believed() {
        let signed = checkpoint("a").sign(&key(7));
        assert_eq!(signed.verify(&[]), Err(NoteError::UnknownKey));
        assert_eq!(signed.verify(&[verifier("a", 8)]), Err(NoteError::UnknownKey));
        assert_eq!(signed.verify(&[verifier("b", 7)]), Err(NoteError::UnknownKey));
        let witnessed = format!("{}\u{2014} witness.example AAAAAAAA\n", signed.to_note());
        let witnessed = SignedCheckpoint::parse(&witnessed).unwrap();
        assert!(witnessed.verify(&[verifier("a", 8), verifier("a", 7)]).is_ok());
    }

    #[test]
    fn the_key_of_one_log_does_not_sign_for_another() {
        let note = checkpoint("a").sign(&key(7)).to_note();
        let moved = SignedCheckpoint::parse(&note.replacen('a', "b", 1)).unwrap();
        assert_eq!(moved.verify(&[verifier("a", 7)]), Err(NoteError::UnknownKey));
    }

    #[test]
    fn a_changed_checkpoint_is_refused_even_beside_a_good_signature() {
        let note = checkpoint("a").sign(&key(7)).to_note();
        let grown = SignedCheckpoint::parse(&note.replacen("\n1\n", "\n2\n", 1)).unwrap();
        assert_eq!(grown.verify(&[verifier("a", 7)]), Err(NoteError::BadSignature));
        let id = verifier("a", 8).id();
        let forged = SignatureLine { name: "a".into(), id, signature: vec![0; 64] };
        let both = SignedCheckpoint::parse(&format!("{note}{forged}\n")).unwrap();
        assert!(both.verify(&[verifier("a", 7)]).is_ok());
        assert_eq!(both.verify(&[verifier("a", 7), verifier("a", 8)]), Err(NoteError::BadSignature));
    }

    #[test]
    fn what_is_not_a_checkpoint_is_refused() {
        let note = checkpoint("a").sign(&key(7)).to_note();
        for bad in [
            String::new(),
            "\n\n".into(),
            note.replacen("\n1\n", "\n01\n", 1),
            note.replacen("\n1\n", "\n+1\n", 1),
            note.replacen("\n1\n", "\n\n1\n", 1),
            note.replacen("\n1\n", "\n18446744073709551615\n", 1),
            note.replacen("\n\n", "\nextension\n\n", 1),
            note.replacen("=\n", "\n", 1),
            note.replacen("a\n", "\n", 1),
            note.replacen('\n', "\r\n", 1),
            note.trim_end().into(),
            format!("{note}\n"),
            format!("{note}\u{2014} witness\n"),
            note.split_inclusive('\n').take(4).collect(),
            format!("{note}{}", "\u{2014} witness.example AAAAAAAA\n".repeat(8000)),
        ] {
            assert!(matches!(SignedCheckpoint::parse(&bad), Err(NoteError::Malformed(_))), "{bad:.200}");
        }
    }
}
