//! What the vault leaves in memory: nothing. The test reads its own process's memory through `/proc`, freed
//! heap and dead stack included, and looks for secrets and keys that it knows only in a masked form.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

use exeat::base::random::{NoRandomness, Random, SystemRandomness, bytes};
use exeat::base::secret::Secret;
use exeat::planes::secrets::vault::Vault;
use zeroize::Zeroizing;

use super::Room;

const MASK: u8 = 0xA5;

/// Leftovers may be broken: the allocator writes into what it has freed. A piece this long is a find.
const PIECE: usize = 16;

/// Something to look for, masked. Its length is a multiple of [`PIECE`].
struct Planted(Vec<u8>);

impl Planted {
    fn random(length: usize) -> Self {
        let mut masked = vec![0; length];
        SystemRandomness::default().fill(&mut masked).unwrap();
        Self(masked)
    }

    fn secret(&self) -> Secret {
        Secret::filled(self.0.len(), |buffer| {
            for (byte, masked) in buffer.iter_mut().zip(&self.0) {
                *byte = masked ^ MASK;
            }
            Ok::<_, NoRandomness>(())
        })
        .unwrap()
    }

    /// The same thing as hexadecimal digits.
    fn hex(&self) -> Self {
        let mut text = Zeroizing::new(vec![0; self.0.len() * 2]);
        hex::encode_to_slice(self.secret().expose_secret(), &mut text).unwrap();
        Self(text.iter().map(|byte| byte ^ MASK).collect())
    }

    /// How often a piece of it is in this process's memory.
    fn found(&self) -> usize {
        // One search at a time: the window of another one would hold copies of what it has read.
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let memory = File::open("/proc/self/mem").unwrap();
        let mut window = Zeroizing::new(vec![0_u8; 1 << 20]);
        let own = window.as_ptr().addr()..window.as_ptr().addr() + window.len();
        let mut found = 0;
        for line in maps.lines().filter(|line| line.contains(" rw")) {
            let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
            let mut at = usize::from_str_radix(start, 16).unwrap();
            let end = usize::from_str_radix(end, 16).unwrap();
            while at < end {
                if own.contains(&at) {
                    at = own.end;
                    continue;
                }
                let stop = if at < own.start { end.min(own.start) } else { end };
                let want = window.len().min(stop - at);
                let Ok(got) = memory.read_at(&mut window[..want], at as u64) else { break };
                found += self.pieces_in(&window[..got]);
                at += got.max(1);
                // The next window overlaps this one, so that nothing hides on the edge between them.
                if got == window.len() && at < stop {
                    at = at.saturating_sub(PIECE - 1);
                }
            }
        }
        found
    }

    fn pieces_in(&self, memory: &[u8]) -> usize {
        let mut is_first = [false; 256];
        self.0.chunks_exact(PIECE).for_each(|piece| is_first[usize::from(piece[0] ^ MASK)] = true);
        let same = |at: usize, piece: &[u8]| piece.iter().zip(&memory[at..]).all(|(p, m)| p ^ MASK == *m);
        (0..memory.len().saturating_sub(PIECE - 1))
            .filter(|at| is_first[usize::from(memory[*at])])
            .filter(|at| self.0.chunks_exact(PIECE).any(|piece| same(*at, piece)))
            .count()
    }
}

/// Randomness that remembers, masked, every key it gave.
#[derive(Default)]
struct Remembering {
    source: SystemRandomness,
    keys: Mutex<Vec<Vec<u8>>>,
}

impl Random for Remembering {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoRandomness> {
        self.source.fill(buffer)?;
        if buffer.len() == 32 {
            self.keys.lock().unwrap().push(buffer.iter().map(|byte| byte ^ MASK).collect());
        }
        Ok(())
    }
}

impl Remembering {
    fn keys(&self) -> Vec<Planted> {
        self.keys.lock().unwrap().iter().cloned().map(Planted).collect()
    }
}

#[test]
fn the_search_finds_what_is_there() {
    let planted = Planted::random(64);
    assert_eq!(planted.found(), 0, "the test itself holds no copy");
    let secret = planted.secret();
    assert_eq!(planted.found(), 4, "four pieces, one copy");
    let copy = secret.expose_secret().to_vec();
    assert_eq!(planted.found(), 8, "a second copy is found too");
    drop((secret, Zeroizing::new(copy)));
    assert_eq!(planted.found(), 0);
}

#[test]
fn e09_a_secret_is_gone_after_use() {
    let room = Room::new();
    let vault = room.init();
    let planted = Planted::random(64);
    let binding = room.binding();

    let sealed = vault.seal(&binding, &planted.secret(), &room.random).unwrap();
    assert_eq!(planted.found(), 0, "after sealing");

    let opened = vault.open(&binding, &sealed).unwrap();
    assert_eq!(planted.found(), 4, "in one place while it is open");
    drop(opened);
    assert_eq!(planted.found(), 0, "after use");

    vault.rotate(&room.clock, &room.random).unwrap();
    let resealed = vault.reseal(&binding, &sealed, &room.random).unwrap();
    assert_eq!(planted.found(), 0, "after resealing");

    let panicked = std::panic::catch_unwind(|| {
        let _opened = vault.open(&binding, &resealed).unwrap();
        std::panic::resume_unwind(Box::new("a handled panic"));
    });
    assert!(panicked.is_err());
    assert_eq!(planted.found(), 0, "after a handled panic");
}

#[test]
fn e09_a_secret_with_spare_room_leaves_no_copy() {
    let planted = Planted::random(64);
    let roomy = |extra: usize| {
        let mut bytes = Vec::with_capacity(64 + extra);
        bytes.extend(planted.0.iter().map(|byte| byte ^ MASK));
        bytes
    };
    for extra in [0, 1, 100, 5000] {
        let secret = Secret::new(roomy(extra));
        assert_eq!(planted.found(), 4, "spare room of {extra}");
        let again = Secret::from(Zeroizing::new(roomy(extra)));
        assert_eq!(planted.found(), 8);
        drop((secret, again));
        assert_eq!(planted.found(), 0, "spare room of {extra}");
    }
}

#[test]
fn e09_data_keys_are_gone_at_once_and_all_keys_when_the_vault_is() {
    let room = Room::new();
    let random = Remembering::default();
    let vault = Vault::init(&room.path(), None, &room.clock, &random).unwrap();
    let binding = room.binding();
    let before = random.keys().len();
    let planted = Planted::random(32);
    let sealed = vault.seal(&binding, &planted.secret(), &random).unwrap();
    drop(vault.open(&binding, &sealed).unwrap());
    drop(vault.reseal(&binding, &sealed, &random).unwrap());

    let data_key = random.keys().remove(before);
    assert_eq!(data_key.found(), 0, "the data key is gone");
    let first = random.keys().remove(0);
    assert_eq!(first.found(), 2, "the key-encryption key is held once");
    assert_eq!(first.hex().found(), 0, "and not as it stands in the file");

    vault.rotate(&room.clock, &random).unwrap();
    vault.drop_version(1, &random).unwrap();
    assert_eq!(first.found() + first.hex().found(), 0, "a dropped version is gone");

    drop(vault);
    let again = Vault::load(&room.path(), None, &random).unwrap();
    drop(again);
    for key in random.keys() {
        assert_eq!(key.found() + key.hex().found(), 0, "every key is gone with the vault");
    }
}

#[test]
fn e09_a_passphrase_and_what_it_becomes_are_gone() {
    let room = Room::new();
    let random = Remembering::default();
    let passphrase = Planted::random(64);
    drop(Vault::init(&room.path(), Some(&passphrase.secret()), &room.clock, &random).unwrap());
    drop(Vault::load(&room.path(), Some(&passphrase.secret()), &random).unwrap());
    let derived = {
        use exeat::base::crypto::kdf::{Cost, derive};
        let salt = bytes(&random).unwrap();
        let key = derive(&passphrase.secret(), &salt, Cost::OWASP_MINIMUM).unwrap();
        Planted(key.as_secret().expose_secret().iter().map(|byte| byte ^ MASK).collect())
    };
    assert_eq!(passphrase.found(), 0);
    assert_eq!(derived.found(), 0);
    for key in random.keys() {
        assert_eq!(key.found() + key.hex().found(), 0);
    }
}
