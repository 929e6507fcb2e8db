//! A stand: a home with something to steal, a workspace, and a stand-in for the broker that grants every run. The walls are real.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::house::received;

/// Who runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    Root,
    Nobody,
}

/// Both of them.
pub(crate) const USERS: [User; 2] = [User::Root, User::Nobody];

const NOBODY: u32 = 65534;

pub(crate) struct Stand {
    pub dir: TempDir,
    pub home: PathBuf,
    pub workspace: PathBuf,
    pub url: String,
    user: User,
    calls: Arc<Mutex<Vec<(String, Value)>>>,
    prefaces: Arc<Mutex<Vec<Value>>>,
    keeper: Sender<Value>,
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code().unwrap_or(-1),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

impl Stand {
    pub(crate) fn new(user: User) -> Self {
        let dir = TempDir::new().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        let (home, workspace, broker) = (root.join("home"), root.join("work"), root.join("broker"));
        for path in [&home.join(".ssh"), &workspace, &broker] {
            fs::create_dir_all(path).unwrap();
        }
        fs::write(home.join(".ssh/id_ed25519"), "planted-key").unwrap();
        fs::write(workspace.join("file"), "content").unwrap();
        fs::write(broker.join("vault.key"), "planted-vault-key").unwrap();
        fs::write(broker.join("ca.pem"), "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")
            .unwrap();
        let prefaces = Arc::default();
        let socket = root.join("run.socket");
        stand_in_way_out(UnixListener::bind(&socket).unwrap(), &prefaces);
        let calls = Arc::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (keeper, lines) = channel();
        let granted = json!({"id": RUN, "socket": socket, "ca": broker.join("ca.pem")});
        stand_in_broker(listener, granted, &calls, lines);
        let stand = Self { dir, home, workspace, url, user, calls, prefaces, keeper };
        stand.hand_over(&root);
        stand
    }

    /// Has the broker say something to what keeps the next or the present run.
    pub(crate) fn say(&self, line: Value) {
        self.keeper.send(line).unwrap();
    }

    /// Gives a path and all below it to the user who runs.
    pub(crate) fn hand_over(&self, path: &Path) {
        if self.user == User::Nobody {
            give(path);
        }
    }

    /// A file of the workspace.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.workspace.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self.hand_over(&self.workspace);
    }

    /// A profile in a file beside the workspace: a built-in one, changed.
    pub(crate) fn profile(&self, name: &str, change: impl Fn(String) -> String) -> String {
        let (_, text) =
            exeat::planes::filesystem::profile::BUILT_IN.iter().find(|(known, _)| *known == name).unwrap();
        let path = self.dir.path().join("profile.toml");
        let changed = change((*text).to_owned());
        assert_ne!(&changed, text, "nothing was changed");
        fs::write(&path, changed).unwrap();
        self.hand_over(&path);
        path.to_str().unwrap().to_owned()
    }

    /// `exeat run` with these options, as the user, not started yet.
    pub(crate) fn command(&self, options: &[&str], command: &[&str]) -> Command {
        let binary = env!("CARGO_BIN_EXE_exeat");
        let mut run = match self.user {
            User::Root => Command::new(binary),
            User::Nobody => {
                let mut run = Command::new("setpriv");
                run.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", binary]);
                run
            }
        };
        run.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", &self.home);
        run.env("EXEAT_URL", &self.url)
            .env("EXEAT_AGENT_KEY", "planted-agent-key")
            .env("AWS_SECRET_ACCESS_KEY", "planted-aws");
        run.env("EXEAT_DATA_DIR", self.dir.path().join("broker"));
        run.current_dir(&self.workspace).arg("run").args(options).arg("--").args(command);
        run.stdin(Stdio::null());
        run
    }

    pub(crate) fn run(&self, options: &[&str], command: &[&str]) -> Ran {
        Ran::of(&self.command(options, command).output().unwrap())
    }

    /// In a writable workspace, a shell.
    pub(crate) fn shell(&self, script: &str) -> Ran {
        self.run(&["--profile", "workspace-write"], &["sh", "-c", script])
    }

    /// In a writable workspace, Python.
    pub(crate) fn python(&self, script: &str) -> Ran {
        self.run(&["--profile", "workspace-write"], &["/usr/bin/python3", "-c", script])
    }

    /// What the broker was asked, path and body.
    pub(crate) fn calls(&self) -> Vec<(String, Value)> {
        self.calls.lock().unwrap().clone()
    }

    /// The cause and the exit code with which the run was closed.
    pub(crate) fn end(&self) -> Value {
        let mut body = self.told_at_the_end();
        for files in ["files", "files_unseen"] {
            drop(body.as_object_mut().unwrap().remove(files));
        }
        body
    }

    /// With what the run was closed.
    pub(crate) fn told_at_the_end(&self) -> Value {
        let calls = self.calls();
        let (path, body) = calls.last().unwrap();
        assert_eq!(path, &format!("/v1/runs/{RUN}/end"));
        body.clone()
    }

    /// How often the newest run opened a path so, as it was told; 0 for never.
    pub(crate) fn opened(&self, access: &str, path: &str, refused: bool) -> u64 {
        let told = self.told_at_the_end();
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            self.workspace.join(path).display().to_string()
        };
        let lines = told["files"].as_array().unwrap_or_else(|| panic!("nobody looked: {told}"));
        let same = |line: &&Value| {
            line["access"] == access && line["path"] == path.as_str() && line["refused"] == refused
        };
        lines.iter().find(same).map_or(0, |line| line["count"].as_u64().unwrap())
    }

    pub(crate) fn prefaces(&self) -> Vec<Value> {
        self.prefaces.lock().unwrap().clone()
    }
}

const RUN: &str = "run_018f0000000070008000000000000000";

fn give(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    fs::set_permissions(
        path,
        fs::Permissions::from_mode(fs::metadata(path).unwrap().permissions().mode() | 0o600),
    )
    .unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            if !entry.file_type().unwrap().is_symlink() {
                give(&entry.path());
            }
        }
    }
}

/// Grants every run, and takes note.
fn stand_in_broker(
    listener: TcpListener,
    granted: Value,
    calls: &Arc<Mutex<Vec<(String, Value)>>>,
    lines: Receiver<Value>,
) {
    let (calls, lines) = (Arc::clone(calls), Arc::new(Mutex::new(lines)));
    drop(std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (calls, granted, lines) = (Arc::clone(&calls), granted.clone(), Arc::clone(&lines));
            drop(std::thread::spawn(move || while answer(&stream, &granted, &calls, &lines).is_some() {}));
        }
    }));
}

fn answer(
    stream: &TcpStream,
    granted: &Value,
    calls: &Mutex<Vec<(String, Value)>>,
    lines: &Arc<Mutex<Receiver<Value>>>,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim().to_ascii_lowercase().strip_prefix("content-length: ") {
            Some(text) => length = text.parse().ok()?,
            None if line.trim().is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let (status, answer) =
        if path.ends_with("/end") { ("200 OK", json!({})) } else { ("201 Created", granted.clone()) };
    let mut stream = stream;
    if path.ends_with("/keep") {
        // Held until who keeps the run is gone.
        write!(stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").ok()?;
        let (mut says, lines) = (stream.try_clone().ok()?, Arc::clone(lines));
        drop(std::thread::spawn(move || {
            for line in lines.lock().unwrap().iter() {
                let line = format!("{line}\n");
                if write!(says, "{:x}\r\n{line}\r\n", line.len()).is_err() {
                    return;
                }
            }
        }));
        drop(stream.read(&mut [0]));
        return None;
    }
    calls.lock().unwrap().push((path, serde_json::from_slice(&body).ok()?));
    let answer = answer.to_string();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{answer}",
        answer.len()
    )
    .ok()
}

/// Takes the preface, and answers whatever follows with `way out`.
fn stand_in_way_out(listener: UnixListener, prefaces: &Arc<Mutex<Vec<Value>>>) {
    let prefaces = Arc::clone(prefaces);
    drop(std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let prefaces = Arc::clone(&prefaces);
            drop(std::thread::spawn(move || lead_out(&stream, &prefaces)));
        }
    }));
}

fn lead_out(mut door: &UnixStream, prefaces: &Mutex<Vec<Value>>) -> Option<()> {
    loop {
        let (first, mut handed) = received(door);
        let mut line = String::new();
        BufReader::with_capacity(1, &mut door).read_line(&mut line).ok()?;
        let line = [first.as_slice(), line.as_bytes()].concat();
        prefaces.lock().unwrap().push(serde_json::from_slice(&line).ok()?);
        let mut stream = TcpStream::from(handed.pop()?);
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut head = String::new();
        while reader.read_line(&mut head).ok()? > 2 {}
        write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 7\r\n\r\nway out").ok()?;
    }
}
