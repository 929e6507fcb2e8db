//! curl and wget.

use super::depot::{Asked, Door, HOST, Reply, found};
use super::scene::Scene;

fn goods(_: &str, asked: &Asked) -> Reply {
    found("text/plain", format!("{} of {} bytes\n", asked.path, asked.body.len()))
}

#[tokio::test]
async fn i01_curl_reaches_a_governed_host_with_a_credential_that_it_never_has() {
    let scene = Scene::open(Door::Bearer, goods).await;
    let url = scene.depot.origin();
    let script = format!(
        "curl -sSf -H \"Authorization: Bearer $DEPOT_TOKEN\" {url}/one && \
         head -c 3000000 /dev/zero | curl -sSf -H \"Authorization: Bearer $DEPOT_TOKEN\" --data-binary @- {url}/two"
    );
    let ran = scene.run(&script).await.expect(0);
    assert!(ran.out.ends_with("/one of 0 bytes\n/two of 3000000 bytes\n"), "{}", ran.out);
    scene.proven_straight(&ran, 2);
    assert_eq!(scene.users().await, ["/usr/bin/curl", "/usr/bin/curl"]);
}

#[tokio::test]
async fn a_request_of_curl_is_held_until_a_person_has_decided() {
    let scene = Scene::open(Door::Basic("ci"), goods).await;
    let url = scene.depot.origin();
    let ran = scene.held(&format!("curl -sSf -u \"ci:$DEPOT_TOKEN\" {url}/one {url}/two")).await.expect(0);
    assert!(ran.out.ends_with("/one of 0 bytes\n/two of 0 bytes\n"), "{}", ran.out);
    scene.proven_straight(&ran, 2);
}

#[tokio::test]
async fn i01_wget_reaches_a_governed_host() {
    let scene = Scene::open(Door::Bearer, goods).await;
    let url = scene.depot.origin();
    let script =
        format!("wget -q --header \"Authorization: Bearer $DEPOT_TOKEN\" -O got {url}/one && cat got");
    let ran = scene.run(&script).await.expect(0);
    assert!(ran.out.ends_with("/one of 0 bytes\n"), "{}", ran.out);
    scene.proven_straight(&ran, 1);
}

#[tokio::test]
async fn a_name_is_looked_up_outside_and_never_by_the_tool() {
    let scene = Scene::open(Door::Bearer, goods).await;
    let url = scene.depot.origin();
    // Nothing inside knows the host; without the proxy there is nobody to ask.
    let script = format!("getent hosts {HOST}; curl -sS --noproxy '*' {url}/one; echo $?");
    let ran = scene.run(&script).await.expect(0);
    assert!(ran.out.ends_with("\n6\n"), "{ran:?}");
    assert!(scene.depot.asked().is_empty());
}
