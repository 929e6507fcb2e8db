//! What is refused at start (design §14): the file is named, the remedy is said, and nothing on the disk is touched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

use crate::house::{Terminal, binary};

const PASSPHRASE: &str = "correct horse battery";

/// An installation that nobody serves yet.
fn installed() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let made = binary().args(["init", "--person", "Alice", "--data-dir"]).arg(&data).output().unwrap();
    assert!(made.status.success());
    (dir, data)
}

/// The same, whose key file opens with [`PASSPHRASE`], typed at a terminal.
fn installed_with_passphrase() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let mut terminal = Terminal::run(&data, &["init", "--person", "Alice", "--passphrase"]);
    terminal.until("passphrase (not shown): ");
    terminal.types_unseen(PASSPHRASE);
    terminal.until("again: ");
    terminal.types_unseen(PASSPHRASE);
    let (code, shown) = terminal.end();
    assert_eq!(code, 0, "{shown}");
    (dir, data)
}

/// Every file with its bytes. What SQLite keeps beside an open database is left out while it holds nothing: whether it is gone
/// when the process is depends on which of the process's threads is the last.
fn files(data: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = std::fs::read_dir(data).unwrap().map(|file| file.unwrap().path());
    let files = paths.map(|path| (path.clone(), std::fs::read(&path).unwrap()));
    let ends = |path: &Path, end: &str| path.to_string_lossy().ends_with(end);
    files.filter(|(path, bytes)| !(ends(path, "-shm") || ends(path, "-wal") && bytes.is_empty())).collect()
}

/// `exeat serve` refuses, saying all of `says`, and leaves every file as it was.
#[track_caller]
fn refuses(data: &Path, says: &[&str]) {
    let before = files(data);
    let refused = binary()
        .args(["serve", "--agent-listen", "127.0.0.1:0", "--review-listen", "127.0.0.1:0"])
        .args(["--proxy-listen", "127.0.0.1:0", "--data-dir"])
        .arg(data)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    for what in says {
        assert!(said.contains(what), "`{what}` is not in: {said}");
    }
    assert!(refused.stdout.is_empty());
    assert!(files(data) == before, "something on the disk was changed");
}

fn name_passphrase_file(data: &Path, path: &Path, passphrase: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, passphrase).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let config = format!("[vault]\npassphrase_file = \"{}\"\n", path.display());
    std::fs::write(data.join("config.toml"), config).unwrap();
}

#[test]
fn a_missing_key_file_is_named_with_what_to_do() {
    let (_dir, data) = installed();
    let key = data.join("vault.key");
    std::fs::remove_file(&key).unwrap();
    refuses(&data, &[key.to_str().unwrap(), "missing", "restore it from a backup"]);
}

#[test]
fn a_missing_database_is_named_and_no_new_one_is_made() {
    let (_dir, data) = installed();
    let database = data.join("exeat.db");
    std::fs::remove_file(&database).unwrap();
    refuses(&data, &[database.to_str().unwrap(), "missing", "restore it from a backup"]);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_named_with_what_to_do() {
    let (_dir, data) = installed();
    let database = data.join("exeat.db");
    let options = SqliteConnectOptions::new().filename(&database);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations SELECT 9999, 'of the future', installed_on, success, checksum, \
                 execution_time FROM _sqlx_migrations LIMIT 1";
    sqlx::query(newer).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    refuses(&data, &[database.to_str().unwrap(), "newer version (schema 9999)", "run that version"]);
}

#[test]
fn a_wrong_passphrase_names_the_key_file_and_what_to_do() {
    let (dir, data) = installed_with_passphrase();
    let (key, file) = (data.join("vault.key"), dir.path().join("passphrase"));
    name_passphrase_file(&data, &file, "wrong horse battery");
    refuses(&data, &[key.to_str().unwrap(), "passphrase"]);
    std::fs::remove_file(&file).unwrap();
    refuses(&data, &[file.to_str().unwrap()]);
    std::fs::remove_file(data.join("config.toml")).unwrap();
    // Nobody is at a terminal to be asked.
    refuses(&data, &[key.to_str().unwrap(), "passphrase_file"]);
}

#[test]
fn the_passphrase_is_asked_for_at_the_terminal_and_not_shown() {
    let (_dir, data) = installed_with_passphrase();
    let listen = ["--agent-listen", "--review-listen", "--proxy-listen"].map(|name| [name, "127.0.0.1:0"]);
    let serve = [&["serve"][..], &listen.concat()].concat();
    for (typed, right) in [("wrong horse battery", false), (PASSPHRASE, true)] {
        let mut terminal = Terminal::run(&data, &serve);
        terminal.until("passphrase of the vault (not shown): ");
        terminal.types_unseen(typed);
        if right {
            terminal.until("ready: ");
            terminal.interrupt();
        }
        let (code, shown) = terminal.end();
        assert_eq!(code, i32::from(!right), "{shown}");
        assert!(!shown.contains(typed) && (right || shown.contains("vault.key")), "{shown}");
    }
}

#[test]
fn a_new_passphrase_is_long_and_typed_twice_the_same() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    for (typed, says) in [(["tiny", ""], "shorter than 12"), ([PASSPHRASE, "another one, longer"], "differ")]
    {
        let mut terminal = Terminal::run(&data, &["init", "--person", "Alice", "--passphrase"]);
        terminal.until("passphrase (not shown): ");
        terminal.types_unseen(typed[0]);
        if !typed[1].is_empty() {
            terminal.until("again: ");
            terminal.types_unseen(typed[1]);
        }
        let (code, shown) = terminal.end();
        assert_eq!(code, 2, "{shown}");
        assert!(shown.contains(says) && !shown.contains(typed[0]), "{shown}");
        assert!(!data.exists(), "nothing was made");
    }
}
