//! The key file: who may read it, what is refused, and what the refusal says.

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::process::Command;

use exeat::planes::secrets::vault::{
    FormatProblem, PassphraseProblem, Problem, Protection, Vault, VaultError,
};

use super::{Room, secret};

const PASSPHRASE: &str = "correct horse battery";

fn problem<T: std::fmt::Debug>(result: Result<T, VaultError>) -> Problem {
    let VaultError::KeyFile(error) = result.unwrap_err() else { unreachable!("not about the key file") };
    error.problem
}

fn set_mode(room: &Room, mode: u32) {
    std::fs::set_permissions(room.path(), std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn j13_key_files_are_made_for_their_owner_alone() {
    let room = Room::new();
    let vault = room.init();
    for _ in 0..2 {
        let mode = std::fs::metadata(room.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        vault.rotate(&room.clock, &room.random).unwrap();
    }
    let files: Vec<_> = std::fs::read_dir(room.directory.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "no temporary file stays: {files:?}");
}

#[test]
fn a_key_file_is_never_overwritten() {
    let room = Room::new();
    drop(room.init());
    let before = std::fs::read(room.path()).unwrap();
    let again = Vault::init(&room.path(), None, &room.clock, &room.random);
    assert!(matches!(problem(again), Problem::Exists));
    assert_eq!(std::fs::read(room.path()).unwrap(), before);
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let room = Room::new();
    drop(room.init());
    for mode in [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o666, 0o777] {
        set_mode(&room, mode);
        assert!(matches!(problem(room.load()), Problem::Exposed { mode: m, .. } if m == mode));
    }
    for mode in [0o600, 0o400] {
        set_mode(&room, mode);
        assert!(room.load().is_ok());
    }
}

#[test]
fn a_key_file_of_somebody_else_is_refused() {
    let room = Room::new();
    drop(room.init());
    // Only root can give a file away; for anybody else there is nothing to try.
    if chown(room.path(), Some(12_345), None).is_ok() {
        assert!(matches!(problem(room.load()), Problem::Exposed { owner: 12_345, .. }));
    }
}

#[test]
fn only_a_regular_file_is_a_key_file() {
    let room = Room::new();
    drop(room.init());
    let beside = |name: &str| room.directory.path().join(name);
    symlink(room.path(), beside("link")).unwrap();
    std::fs::create_dir(beside("directory")).unwrap();
    assert!(Command::new("mkfifo").arg(beside("pipe")).status().unwrap().success());
    for name in ["link", "directory", "pipe"] {
        let loaded = Vault::load(&beside(name), None, &room.random);
        assert!(matches!(problem(loaded), Problem::NotAFile), "{name}");
    }
    // A link that points nowhere is not a free place either.
    symlink(beside("nowhere"), beside("dangling")).unwrap();
    let made = Vault::init(&beside("dangling"), None, &room.clock, &room.random);
    assert!(matches!(problem(made), Problem::Exists));
    assert!(!beside("nowhere").exists());
}

#[test]
fn errors_name_the_file_and_what_to_do() {
    let room = Room::new();
    let path = room.path().display().to_string();
    let missing = room.load().unwrap_err().to_string();
    assert!(
        missing.contains(&path) && missing.contains("missing") && missing.contains("exeat init"),
        "{missing}"
    );
    drop(room.init());
    set_mode(&room, 0o644);
    let exposed = room.load().unwrap_err().to_string();
    assert!(
        exposed.contains(&path) && exposed.contains("0644") && exposed.contains("chmod 600"),
        "{exposed}"
    );
}

#[test]
fn a_passphrase_opens_and_another_does_not() {
    let room = Room::new();
    let sealed = {
        let vault = room.init_with(PASSPHRASE).unwrap();
        vault.seal(&room.binding(), &secret("x"), &room.random).unwrap()
    };
    assert_eq!(Vault::protection(&room.path()).unwrap(), Protection::Passphrase);
    assert_eq!(room.load_with(PASSPHRASE).unwrap().key_versions()[0].0, sealed.key_version());

    let wrong = room.load_with("correct horse batterz").unwrap_err();
    let said = wrong.to_string();
    assert!(said.contains("passphrase") && said.contains(&room.path().display().to_string()), "{said}");
    assert!(!said.contains("batterz") && !format!("{wrong:?}").contains("batterz"));
    assert!(matches!(problem::<()>(Err(wrong)), Problem::Passphrase(PassphraseProblem::Wrong)));
    assert!(matches!(problem(room.load()), Problem::Passphrase(PassphraseProblem::Missing)));
}

#[test]
fn e11_a_short_passphrase_protects_nothing_and_is_refused() {
    let room = Room::new();
    for short in ["", "password", "elevenbytes"] {
        let made = room.init_with(short);
        assert!(matches!(problem(made), Problem::Passphrase(PassphraseProblem::TooShort)));
        assert!(!room.path().exists());
    }
}

/// Otherwise an unprotected file put in the place of the real one would pass without a word.
#[test]
fn a_passphrase_that_nothing_asks_for_is_refused() {
    let room = Room::new();
    drop(room.init());
    let loaded = room.load_with(PASSPHRASE);
    assert!(matches!(problem(loaded), Problem::Passphrase(PassphraseProblem::Unexpected)));
}

#[test]
fn j14_what_this_version_does_not_know_is_refused_and_named() {
    let room = Room::new();
    drop(room.init());
    let good = std::fs::read_to_string(room.path()).unwrap();
    let load = |text: &str| {
        std::fs::write(room.path(), text).unwrap();
        problem(room.load())
    };

    let newer = load(&good.replace("\"format\": 1", "\"format\": 2, \"wrapped_by\": \"tpm\""));
    assert!(matches!(newer, Problem::Format(FormatProblem::Newer(2))), "{newer:?}");
    assert!(newer.to_string().contains("newer"), "{newer}");

    for text in [
        good.replace("\"format\": 1", "\"format\": 1, \"colour\": \"red\""),
        good.replace("\"version\": 1", "\"version\": 1, \"colour\": \"red\""),
    ] {
        let unknown = load(&text);
        assert!(unknown.to_string().contains("`colour`"), "{unknown}");
    }
    for text in [
        good.replace("\"format\": 1", "\"format\": 1, \"format\": 1"),
        good.replace("\"format\": 1", "\"format\": \"1\""),
        good.replace("\"format\": 1", "\"format\": 0"),
        good.replace("\"version\": 1", "\"version\": 0"),
        good.replace("\"version\": 1", "\"version\": -1"),
        good.replace("\"keys\"", "\"key\""),
        format!("{good}{{}}"),
        "{\"format\": 1, \"keys\": []}".to_owned(),
        "[]".to_owned(),
        String::new(),
    ] {
        let refused = load(&text);
        assert!(matches!(refused, Problem::Format(_)), "{text}: {refused:?}");
    }
}

#[test]
fn a_truncated_or_altered_key_file_is_refused_without_quoting_it() {
    let room = Room::new();
    drop(room.init());
    let good = std::fs::read_to_string(room.path()).unwrap();
    let key = good.split('"').find(|text| text.len() == 64).unwrap().to_owned();
    let says_nothing = |text: &str| {
        std::fs::write(room.path(), text).unwrap();
        let error = room.load().unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(!said.contains(&key) && !said.contains(&key[..32]), "{said}");
        assert!(matches!(problem::<()>(Err(error)), Problem::Format(_)));
    };
    for cut in 0..good.trim_end().len() {
        says_nothing(&good[..cut]);
    }
    says_nothing(&good.replace(&key, &key[..62]));
    says_nothing(&good.replace(&key, &format!("{key}00")));
    // The key in the place of another value, and in the place of a name.
    says_nothing(&good.replace("\"version\": 1", &format!("\"version\": \"{key}\"")));
    says_nothing(&good.replace("\"format\": 1", &format!("\"format\": \"{key}\"")));
    says_nothing(&good.replace("\"version\"", &format!("\"{key}\"")));
}

#[test]
fn a_key_file_cannot_name_a_ruinous_or_a_worthless_cost() {
    let room = Room::new();
    drop(room.init_with(PASSPHRASE).unwrap());
    let good = std::fs::read_to_string(room.path()).unwrap();
    for cost in ["4294967295", "8"] {
        let text = good.replace("\"memory_kib\": 65536", &format!("\"memory_kib\": {cost}"));
        assert_ne!(text, good);
        std::fs::write(room.path(), text).unwrap();
        let refused = problem(room.load_with(PASSPHRASE));
        assert!(matches!(refused, Problem::Passphrase(PassphraseProblem::Derivation(_))), "{refused:?}");
    }
}

#[test]
fn j13_a_planted_secret_is_in_none_of_the_files() {
    let room = Room::new();
    let planted = "planted-0123456789-secret";
    let vault = room.init_with(PASSPHRASE).unwrap();
    let sealed = vault.seal(&room.binding(), &secret(planted), &room.random).unwrap();
    std::fs::write(room.directory.path().join("row"), sealed.as_bytes()).unwrap();
    vault.rotate(&room.clock, &room.random).unwrap();

    let mut seen = 0;
    for file in std::fs::read_dir(room.directory.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        seen += 1;
        for text in [planted, PASSPHRASE] {
            use base64::Engine as _;
            let base64 = base64::engine::general_purpose::STANDARD_NO_PAD.encode(text);
            for form in [text.as_bytes(), hex::encode(text).as_bytes(), base64.as_bytes()] {
                assert!(!bytes.windows(form.len()).any(|window| window == form));
            }
        }
    }
    assert_eq!(seen, 2);
}
