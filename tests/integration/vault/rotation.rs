//! New keys, old keys, dropped keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use exeat::planes::secrets::vault::{Problem, Vault, VaultError};

use super::{Room, secret};

#[test]
fn rotate_reseal_drop() {
    let room = Room::new();
    let vault = room.init();
    let binding = room.binding();
    let old = vault.seal(&binding, &secret("hunter2"), &room.random).unwrap();
    assert_eq!(old.key_version(), 1);

    assert_eq!(vault.rotate(&room.clock, &room.random).unwrap(), 2);
    assert_eq!(vault.open(&binding, &old).unwrap().expose_secret(), b"hunter2", "the old key is kept");
    let new = vault.reseal(&binding, &old, &room.random).unwrap();
    assert_eq!(new.key_version(), 2);
    assert_eq!(vault.seal(&binding, &secret("y"), &room.random).unwrap().key_version(), 2);

    vault.drop_version(1, &room.random).unwrap();
    for vault in [&vault, &room.load().unwrap()] {
        assert_eq!(vault.key_versions().iter().map(|(version, _)| *version).collect::<Vec<_>>(), [2]);
        assert_eq!(vault.open(&binding, &new).unwrap().expose_secret(), b"hunter2");
        assert!(matches!(vault.open(&binding, &old), Err(VaultError::DoesNotOpen)));
        assert!(matches!(vault.reseal(&binding, &old, &room.random), Err(VaultError::DoesNotOpen)));
    }
}

#[test]
fn a_version_is_never_used_twice() {
    let room = Room::new();
    let vault = room.init();
    for version in 2..6 {
        assert_eq!(vault.rotate(&room.clock, &room.random).unwrap(), version);
        vault.drop_version(version - 1, &room.random).unwrap();
    }
    assert_eq!(room.load().unwrap().rotate(&room.clock, &room.random).unwrap(), 6);
}

#[test]
fn the_newest_version_cannot_be_dropped() {
    let room = Room::new();
    let vault = room.init();
    for version in [0, 1, 2] {
        let dropped = vault.drop_version(version, &room.random);
        assert!(matches!(dropped, Err(VaultError::NotDroppable(v)) if v == version));
    }
    assert!(room.load().is_ok());
}

#[test]
fn with_a_passphrase_too() {
    let room = Room::new();
    let vault = room.init_with("correct horse battery").unwrap();
    let binding = room.binding();
    let sealed = vault.seal(&binding, &secret("hunter2"), &room.random).unwrap();
    vault.rotate(&room.clock, &room.random).unwrap();
    let reloaded = room.load_with("correct horse battery").unwrap();
    assert_eq!(reloaded.open(&binding, &sealed).unwrap().expose_secret(), b"hunter2");
    assert_eq!(reloaded.key_versions(), vault.key_versions());
}

#[test]
fn two_processes_do_not_lose_each_others_keys() {
    let room = Room::new();
    let one = room.init();
    let two = room.load().unwrap();
    one.rotate(&room.clock, &room.random).unwrap();
    let late = two.rotate(&room.clock, &room.random).unwrap_err();
    assert!(matches!(&late, VaultError::KeyFile(error) if matches!(error.problem, Problem::Changed)));
    assert_eq!(two.key_versions().len(), 1, "what failed left the vault as it was");
    assert_eq!(room.load().unwrap().key_versions(), one.key_versions());
}

#[test]
fn what_a_killed_rotation_left_is_in_nobodys_way() {
    let room = Room::new();
    let vault = room.init();
    std::fs::write(room.directory.path().join("vault.key.next"), "half a key fi").unwrap();
    assert_eq!(vault.rotate(&room.clock, &room.random).unwrap(), 2);
    assert_eq!(room.load().unwrap().key_versions(), vault.key_versions());
}

#[test]
fn a_rotation_that_fails_changes_nothing() {
    let room = Room::new();
    let vault = room.init();
    let before = std::fs::read(room.path()).unwrap();
    std::fs::create_dir(room.directory.path().join("vault.key.next")).unwrap();
    assert!(vault.rotate(&room.clock, &room.random).is_err());
    assert_eq!(std::fs::read(room.path()).unwrap(), before);
    assert_eq!(vault.seal(&room.binding(), &secret("x"), &room.random).unwrap().key_version(), 1);
}

#[test]
fn sealing_and_opening_go_on_during_rotation() {
    let room = Room::new();
    let vault: Arc<Vault> = Arc::new(room.init());
    let binding = room.binding();
    let first = vault.seal(&binding, &secret("first"), &room.random).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let sealed = vault.seal(&binding, &secret("now"), &room.random).unwrap();
                    assert_eq!(vault.open(&binding, &sealed).unwrap().expose_secret(), b"now");
                    assert_eq!(vault.open(&binding, &first).unwrap().expose_secret(), b"first");
                }
            });
        }
        for _ in 0..10 {
            vault.rotate(&room.clock, &room.random).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(vault.key_versions().len(), 11);
}
