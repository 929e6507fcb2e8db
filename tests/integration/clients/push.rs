//! What git may change, ref by ref: real git, in a run, against git's own server program.

use super::git::{git, scene};

/// Asks for one item, and goes on when a person has approved.
fn ask(item: &str) -> String {
    format!(
        "exeat request --identity service:ci-bot --item '{item}' --max-uses 100 --reason 'drive git' --wait=120 > /dev/null || exit 90\n"
    )
}

const READ: &str = r#"{"type":"git","upstream":"depot","repositories":["/app.git"],"access":"read"}"#;
const WRITE: &str = r#"{"type":"git","upstream":"depot","repositories":["/app.git"],"access":"write","refs":["refs/heads/agent/*"]}"#;
const DELETE: &str = r#"{"type":"git","upstream":"depot","repositories":["/app.git"],"access":"write","refs":["refs/heads/agent/*"],"delete":true}"#;

const WORK: &str = r#"
commit() { echo "$1" > "$1" && git add "$1" && git commit -q -m "$1"; }
git clone -q "$url/app.git" app || exit 91
cd app && git config user.name Bot && git config user.email bot@example.test && commit one
"#;

#[tokio::test]
async fn d13_a_push_is_judged_ref_by_ref_and_as_a_whole() {
    let (scene, root) = scene().await;
    let url = scene.depot.origin();
    let script = format!(
        r#"{}{}url={url}{WORK}
git push -q origin HEAD:refs/heads/agent/one || exit 92
commit two && git push -q origin HEAD:refs/heads/agent/one || exit 93
git commit -q --amend -m again && git push -q --force origin HEAD:refs/heads/agent/one || exit 94
head -c 2500000 /dev/urandom > large && git add large && git commit -q -m large
git push -q origin HEAD:refs/heads/agent/large || exit 95
echo "--- another ref"; git push origin HEAD:refs/heads/main 2>&1 && exit 96
echo "--- both"; git push origin HEAD:refs/heads/agent/two HEAD:refs/heads/main 2>&1 && exit 97
echo "--- a large one"; head -c 3000000 /dev/urandom > larger && git add larger && git commit -q -m larger
git push origin HEAD:refs/heads/main 2>&1 && exit 98
echo "--- delete"; git push origin :refs/heads/agent/one 2>&1 && exit 99
{}git push -q origin :refs/heads/agent/one || exit 100
for version in 0 1 2; do git -c protocol.version=$version ls-remote -q origin 'refs/heads/agent/*' || exit 101; done
git push -o merge_request.create origin HEAD:refs/heads/agent/three 2>&1 && exit 102; true"#,
        ask(READ),
        ask(WRITE),
        ask(DELETE),
    );
    // Whoever runs a server decides whether it takes options; this one does.
    git(&root.path().join("app.git"), &["config", "receive.advertisePushOptions", "true"]);
    let ran = scene.run_bare(&script).await.expect(0);
    for part in ["another ref", "both", "a large one"] {
        let said = ran.out.split(&format!("--- {part}")).nth(1).unwrap().split("---").next().unwrap();
        assert!(said.contains("(refused by Exeat)"), "{part}: {said}");
        assert!(said.contains("it lacks git: to update \"refs/heads/main\""), "{part}: {said}");
        let command = said.split("to ask for it: ").nth(1).unwrap().lines().next().unwrap();
        assert!(
            command.starts_with("exeat request --identity service:ci-bot --item '{\"type\":\"git\""),
            "{said}"
        );
        assert!(command.trim_end().ends_with("--wait"), "as a whole: {said}");
    }
    assert!(ran.out.contains("it lacks git: to delete \"refs/heads/agent/one\""), "{ran:?}");
    let heads = git(&root.path().join("app.git"), &["for-each-ref", "--format=%(refname)"]);
    assert_eq!(
        heads, "refs/heads/agent/large\nrefs/heads/main\n",
        "nothing else was created, changed or left"
    );
    assert_eq!(git(&root.path().join("app.git"), &["log", "--format=%s", "main"]), "Begin\n");
    let pushes = scene.depot.asked().into_iter().filter(|asked| asked.path.ends_with("/git-receive-pack"));
    // Four that were allowed, and the deletion. Before a large one git only asks whether it may push.
    let changing = pushes.map(|asked| asked.body).filter(|body| !body.is_empty() && body.as_ref() != b"0000");
    let told: Vec<_> = changing.map(|body| String::from_utf8_lossy(&body[..150]).into_owned()).collect();
    assert_eq!(told.len(), 5, "nothing of the others was sent (I5): {told:#?}");
    scene.proven_straight(&ran, 10);
}

#[tokio::test]
async fn d13_reading_is_not_writing() {
    let (scene, root) = scene().await;
    let url = scene.depot.origin();
    let script = format!(
        "{}url={url}{WORK}git push origin HEAD:refs/heads/agent/one 2>&1 && exit 92; git fetch -q || exit 93",
        ask(READ)
    );
    let ran = scene.run_bare(&script).await.expect(0);
    assert!(ran.out.contains("403"), "{ran:?}");
    assert!(git(&root.path().join("app.git"), &["for-each-ref", "refs/heads/agent/"]).is_empty());
    let asked = scene.depot.asked();
    assert!(!asked.iter().any(|asked| asked.query.contains("receive") || asked.path.contains("receive")));
}

/// The whole way through: a hundred megabytes, none of which anybody keeps, for a request that is packed.
#[tokio::test]
async fn a_large_clone_streams() {
    let (scene, root) = scene().await;
    let (work, bare) = (root.path().join("work"), root.path().join("app.git"));
    let made = std::process::Command::new("head").args(["-c", "100000000", "/dev/urandom"]).output().unwrap();
    std::fs::write(work.join("large"), made.stdout).unwrap();
    git(&work, &["add", "large"]);
    git(&work, &["commit", "-q", "-m", "Add something large"]);
    for branch in 0..40 {
        git(&work, &["commit", "-q", "--allow-empty", "-m", "One of many"]);
        git(&work, &["branch", &format!("branch-{branch}")]);
    }
    git(&work, &["push", "-q", "--all", bare.to_str().unwrap()]);
    let script =
        format!("{}git clone -q {}/app.git app && wc -c < app/large", ask(READ), scene.depot.origin());
    let ran = scene.run_bare(&script).await.expect(0);
    assert!(ran.out.ends_with("100000000\n"), "{ran:?}");
    let asked = scene.depot.asked();
    assert!(
        asked.iter().any(|asked| asked.header("content-encoding") == "gzip"),
        "what is wanted was packed"
    );
}
