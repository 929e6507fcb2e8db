//! git over smart HTTP, against git's own server program, with the password that Basic asks for (I04).

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::depot::{Asked, Door, Reply};
use super::scene::Scene;

pub(super) fn git(at: &Path, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.current_dir(at).env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", at);
    git.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.test"]).args(arguments);
    let done = git.output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// A bare repository `app.git` with one commit, that takes pushes.
fn repository() -> TempDir {
    let root = TempDir::new().unwrap();
    git(root.path(), &["init", "-q", "-b", "main", "work"]);
    let work = root.path().join("work");
    fs::write(work.join("README"), "the first line\n").unwrap();
    git(&work, &["add", "README"]);
    git(&work, &["commit", "-q", "-m", "Begin"]);
    git(root.path(), &["clone", "-q", "--bare", "work", "app.git"]);
    git(&root.path().join("app.git"), &["config", "http.receivepack", "true"]);
    root
}

/// git's own server program, spoken to as a web server does (RFC 3875).
fn served(root: &Path, asked: &Asked) -> Reply {
    let mut server = Command::new("git");
    server.arg("http-backend").env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", root);
    server.env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1").env("REMOTE_USER", "ci");
    server.env("REQUEST_METHOD", &asked.method).env("PATH_INFO", &asked.path);
    server.env("QUERY_STRING", &asked.query).env("CONTENT_TYPE", asked.header("content-type"));
    server.env("CONTENT_LENGTH", asked.body.len().to_string());
    server.env("HTTP_CONTENT_ENCODING", asked.header("content-encoding"));
    server.env("GIT_PROTOCOL", asked.header("git-protocol"));
    let mut child = server.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, body) = (child.stdin.take().unwrap(), asked.body.clone());
    let writing = std::thread::spawn(move || drop(input.write_all(&body)));
    let said = child.wait_with_output().unwrap().stdout;
    writing.join().unwrap();
    let end = said.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let mut reply = http::Response::builder();
    for line in String::from_utf8_lossy(&said[..end]).lines() {
        let (name, value) = line.split_once(": ").unwrap();
        reply = match name {
            "Status" => reply.status(value.split(' ').next().unwrap()),
            name => reply.header(name, value),
        };
    }
    reply.body(said[end + 4..].to_vec().into()).unwrap()
}

pub(super) async fn scene() -> (Scene, TempDir) {
    let root = repository();
    let at = root.path().to_owned();
    (Scene::open(Door::Basic("x-access-token"), move |_, asked| served(&at, asked)).await, root)
}

const COMMIT: &str = "cd app && head -c 2500000 /dev/urandom > large && git add large && \
    git -c user.name=Bot -c user.email=bot@example.test commit -q -m 'Add something large'";

#[tokio::test]
async fn i04_git_clones_and_pushes_with_its_placeholder_as_the_password() {
    let (scene, root) = scene().await;
    // As for a person, the address is enough: what git asks for stands in the variables of the run.
    let url = scene.depot.origin();
    let script = format!(
        "git clone -q {url}/app.git app && cat app/README && {COMMIT} && git push -q origin HEAD:agent"
    );
    let ran = scene.run(&script).await.expect(0);
    assert!(ran.out.ends_with("the first line\n"), "{ran:?}");
    let names = git(&root.path().join("app.git"), &["log", "--format=%an %s", "agent"]);
    assert_eq!(names, "Bot Add something large\nAda Begin\n");
    // A pack above a megabyte is sent in pieces, after a question whether it may be.
    let large = scene.depot.asked().into_iter().filter(|asked| asked.body.len() > 2_000_000);
    assert_eq!(large.map(|asked| asked.path).collect::<Vec<_>>(), ["/app.git/git-receive-pack"]);
    scene.proven_straight(&ran, 5);
    assert!(
        scene.users().await.iter().all(|user| user.contains("/git-remote-http")),
        "{:?}",
        scene.users().await
    );
}

#[tokio::test]
async fn i04_git_is_held_request_by_request_and_each_is_a_decision() {
    let (scene, _root) = scene().await;
    let url = scene.depot.origin().replace("https://", "https://x-access-token:$DEPOT_TOKEN@");
    let ran = scene.held(&format!("git clone -q {url}/app.git app && cat app/README")).await.expect(0);
    assert!(ran.out.ends_with("the first line\n"), "{ran:?}");
    scene.proven_straight(&ran, 2);
}
