//! Hosts that are granted and not governed go through a tunnel: a tool sees their own certificate, and trusts whom the system trusts.

use std::fs;
use std::path::Path;

use super::depot::{Asked, Door, Reply, found};
use super::scene::{Scene, through};

fn goods(_: &str, _: &Asked) -> Reply {
    found("text/plain", "public goods\n")
}

/// One program a tool family; each says whose fault it is when it trusts nobody.
const GET: &str = r#"
    curl -sS "$URL"
    wget -q -O - "$URL" || echo "wget $?"
    git ls-remote "$URL/none.git"
    /usr/bin/python3 -c 'import os, requests; print(requests.get(os.environ["URL"]).text, end="")'
    /usr/bin/python3 -c 'import os, urllib.request as r; print(r.urlopen(os.environ["URL"]).read().decode(), end="")'
    ruby -rnet/http -e 'puts Net::HTTP.get(URI(ENV["URL"]))'
    java Get.java
"#;

const JAVA: &str = r#"
import java.net.URL;

public class Get {
    public static void main(String[] none) throws Exception {
        try (var answer = new URL(System.getenv("URL")).openStream()) {
            System.out.print(new String(answer.readAllBytes()));
        } catch (javax.net.ssl.SSLHandshakeException error) {
            System.out.println("java: " + error.getMessage());
        }
    }
}
"#;

async fn scene() -> (Scene, String) {
    let scene = Scene::ungoverned(Door::Open, goods).await;
    scene.write("Get.java", JAVA);
    let script = format!("URL={}; export URL; {GET}", scene.depot.origin());
    (scene, script)
}

#[tokio::test]
async fn an_authority_that_nobody_knows_is_not_trusted_through_a_tunnel() {
    let (scene, script) = scene().await;
    let ran = scene.tunnelled(&script).await;
    let all = format!("{}{}", ran.out, ran.err);
    assert!(!all.contains("public goods"), "{all}");
    for fault in [
        "curl: (60) SSL certificate problem",
        "wget 5",
        "server certificate verification failed",
        "SSLError",
        "CERTIFICATE_VERIFY_FAILED",
        "OpenSSL::SSL::SSLError",
        "java: PKIX path building failed",
    ] {
        assert!(all.contains(fault), "{fault}: {all}");
    }
    assert!(scene.depot.asked().is_empty());
}

#[tokio::test]
async fn i07_what_pins_a_key_works_through_a_tunnel_and_fails_closed_where_a_credential_is_placed() {
    let pinned = |scene: &Scene| {
        scene.write("depot.pem", &scene.depot.authority);
        let url = scene.depot.origin();
        format!("curl -sS --cacert depot.pem --pinnedpubkey 'sha256//{}' {url}/one", scene.depot.pin)
    };
    let scene = Scene::ungoverned(Door::Open, goods).await;
    let ran = scene.tunnelled(&pinned(&scene)).await.expect(0);
    assert_eq!(ran.out, "public goods\n", "a tunnel is not looked into");
    let scene = Scene::open(Door::Bearer, goods).await;
    // Exeat ends the TLS of a governed host, which is not what a program wants that trusts one authority or one key alone.
    let ran = scene.run(&pinned(&scene)).await;
    assert_eq!(ran.code, 60, "{ran:?}");
    let ran = scene.run(&pinned(&scene).replace("--cacert depot.pem ", "")).await;
    assert_eq!(ran.code, 90, "{ran:?}");
    assert!(scene.depot.asked().is_empty() && scene.users().await.is_empty());
}

#[tokio::test]
async fn i02_an_authority_of_the_system_is_trusted_through_a_tunnel() {
    let (scene, script) = scene().await;
    // On a machine that trusts this authority too, every tool of a run does, beside Exeat's and the rest.
    let system = Path::new("/etc/ssl/certs/ca-certificates.crt");
    let with = scene.dir().join("system.crt");
    fs::write(&with, fs::read_to_string(system).unwrap() + &scene.depot.authority).unwrap();
    let command = through(&with, system, &scene.tunnelling(&script));
    let ran = scene.decided(command).await;
    assert_eq!(ran.out.matches("public goods").count(), 6, "{ran:?}");
    assert!(ran.err.contains("none.git/info/refs not valid"), "git was answered: {ran:?}");
    assert!(scene.depot.asked().iter().all(|asked| asked.header("authorization").is_empty()));
}
