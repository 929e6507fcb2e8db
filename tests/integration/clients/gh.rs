//! gh, which is written in Go as so many of its kind are.

use super::depot::{Asked, Door, Reply, found};
use super::scene::Scene;

fn goods(_: &str, asked: &Asked) -> Reply {
    found("application/json", format!(r#"{{"path":"{}"}}"#, asked.path))
}

#[tokio::test]
async fn i01_gh_reaches_a_governed_host() {
    let scene = Scene::open(Door::Bearer, goods).await;
    let host = scene.depot.origin().replace("https://", "");
    // It knows the variables of github.com by itself; for a host of one's own it has others.
    let ran =
        scene.run(&format!("GH_HOST={host} GH_ENTERPRISE_TOKEN=$DEPOT_TOKEN gh api one")).await.expect(0);
    assert!(ran.out.ends_with(r#"{"path":"/api/v3/one"}"#), "{ran:?}");
    scene.proven_straight(&ran, 1);
    assert_eq!(scene.users().await, ["/usr/bin/gh"]);
}
