//! Python: requests, httpx, urllib, and pip.

use std::fs;
use std::process::Command;

use super::depot::{Asked, Door, Reply, found, not_found};
use super::scene::Scene;

fn goods(_: &str, asked: &Asked) -> Reply {
    found("application/json", format!(r#"{{"path":"{}","bytes":{}}}"#, asked.path, asked.body.len()))
}

async fn python(script: &str, user: &str) {
    let scene = Scene::open(Door::Bearer, goods).await;
    let intro = format!(
        "import os\nurl = '{}'\nheaders = {{'Authorization': 'Bearer ' + os.environ['DEPOT_TOKEN']}}\n",
        scene.depot.origin()
    );
    scene.write("main.py", &(intro + script));
    let ran = scene.run("/usr/bin/python3 main.py").await.expect(0);
    assert!(ran.out.ends_with("/one 0\n/two 500000\n"), "{ran:?}");
    scene.proven_straight(&ran, 2);
    assert!(scene.users().await.iter().all(|found| found.contains(user)), "{:?}", scene.users().await);
}

#[tokio::test]
async fn i01_requests_reaches_a_governed_host() {
    let script = "import requests
with requests.Session() as session:
    one = session.get(url + '/one', headers=headers).json()
    two = session.post(url + '/two', headers=headers, data=b'x' * 500000).json()
print(one['path'], one['bytes'])
print(two['path'], two['bytes'])
";
    python(script, "/python3").await;
}

#[tokio::test]
async fn i01_httpx_reaches_a_governed_host() {
    let script = "import httpx
with httpx.Client(headers=headers) as client:
    one = client.get(url + '/one').json()
    two = client.post(url + '/two', content=b'x' * 500000).json()
print(one['path'], one['bytes'])
print(two['path'], two['bytes'])
";
    python(script, "/python3").await;
}

#[tokio::test]
async fn i01_urllib_reaches_a_governed_host() {
    let script = "import json, urllib.request as r
for path, data in (('/one', None), ('/two', b'x' * 500000)):
    answer = json.load(r.urlopen(r.Request(url + path, data, headers)))
    print(answer['path'], answer['bytes'])
";
    python(script, "/python3").await;
}

/// A wheel with one module, as pip takes it.
fn wheel() -> Vec<u8> {
    let dir = tempfile::TempDir::new().unwrap();
    let info = dir.path().join("exeat_probe-1.0.0.dist-info");
    fs::create_dir(&info).unwrap();
    fs::write(dir.path().join("exeat_probe.py"), "VALUE = 'installed'\n").unwrap();
    fs::write(info.join("METADATA"), "Metadata-Version: 2.1\nName: exeat-probe\nVersion: 1.0.0\n").unwrap();
    fs::write(
        info.join("WHEEL"),
        "Wheel-Version: 1.0\nGenerator: none\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    )
    .unwrap();
    let files = ["METADATA", "WHEEL", "RECORD"].map(|name| format!("exeat_probe-1.0.0.dist-info/{name}"));
    fs::write(info.join("RECORD"), files.map(|name| format!("{name},,\n")).concat() + "exeat_probe.py,,\n")
        .unwrap();
    let zip = ["-m", "zipfile", "-c", "probe.whl", "exeat_probe.py", "exeat_probe-1.0.0.dist-info"];
    let made = Command::new("/usr/bin/python3").args(zip).current_dir(dir.path()).status().unwrap();
    assert!(made.success());
    fs::read(dir.path().join("probe.whl")).unwrap()
}

#[tokio::test]
async fn i01_pip_installs_from_a_governed_index() {
    let wheel = wheel();
    let index = move |_: &str, asked: &Asked| match asked.path.as_str() {
        "/simple/exeat-probe/" => found(
            "text/html",
            r#"<!DOCTYPE html><a href="/files/exeat_probe-1.0.0-py3-none-any.whl">exeat_probe-1.0.0-py3-none-any.whl</a>"#,
        ),
        "/files/exeat_probe-1.0.0-py3-none-any.whl" => found("application/zip", wheel.clone()),
        _ => not_found(),
    };
    let scene = Scene::open(Door::Basic("__token__"), index).await;
    let url = scene.depot.origin().replace("https://", "https://__token__:$DEPOT_TOKEN@");
    let script = format!(
        "/usr/bin/python3 -m pip install --quiet --index-url {url}/simple --target lib exeat-probe && \
         PYTHONPATH=lib /usr/bin/python3 -c 'import exeat_probe; print(exeat_probe.VALUE)'"
    );
    let ran = scene.run(&script).await.expect(0);
    assert!(ran.out.ends_with("installed\n"), "{ran:?}");
    scene.proven_straight(&ran, 2);
}
