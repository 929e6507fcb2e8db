//! Enrolling layers: keys shown once, hashed, expiring; what each may do is said.

use reqwest::Method;
use serde_json::{Value, json};

use super::Stand;
use crate::house::binary;

#[tokio::test]
async fn a_layer_is_enrolled_listed_and_removed_on_the_command_line() {
    let stand = Stand::new().await;
    let exeat = |arguments: &[&str]| {
        let mut command = binary();
        command.env("EXEAT_REVIEW_URL", &stand.house.review).env("EXEAT_REVIEW_KEY", &stand.house.review_key);
        let output = command.args(arguments).arg("--json").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let agent = &stand.agent.id;
    let made = exeat(&[
        "layer",
        "add",
        "edge",
        "--form",
        "nginx",
        "--upstream",
        "files",
        "--agent",
        agent,
        "--inject",
    ]);
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(id.starts_with("lay_") && key.starts_with("exl_"), "{made}");
    let listed = exeat(&["layer", "list"]);
    assert_eq!(listed["layers"][0]["id"], made["id"]);
    assert_eq!(
        (&listed["layers"][0]["inject"], &listed["layers"][0]["form"]),
        (&json!(true), &json!("nginx"))
    );
    assert!(!listed.to_string().contains(key));
    let me = || async {
        let request = stand.house.http.get(format!("{}/v1/layer", stand.house.agent));
        request.header("exeat-layer-key", key).send().await.unwrap()
    };
    let said: Value = me().await.json().await.unwrap();
    assert_eq!((&said["layer"], &said["upstreams"][0]["slot"]), (&json!(id), &json!("bearer")));
    assert_eq!(exeat(&["layer", "remove", id])["removed"], id);
    assert_eq!(me().await.status(), 401);
    assert_eq!(
        (stand.entries("layer_enrolled").await.len(), stand.entries("layer_removed").await.len()),
        (1, 1)
    );
    let log = stand.house.log().await;
    assert!(!json!(log).to_string().contains(key), "the key is nowhere on record");
    // The same for who else is enrolled by hand.
    assert_eq!(exeat(&["agent", "remove", &stand.other.id])["removed"], json!(stand.other.id));
}

#[tokio::test]
async fn a_layer_may_do_nothing_that_was_not_said() {
    let stand = Stand::new().await;
    let token = stand.token("/files/a").await;
    let auth = super::bearer(&token);
    for (form, more, reason) in [
        ("nginx", json!({"name": "no-agent", "agents": []}), "agent_not_of_layer"),
        ("nginx", json!({"name": "other-agent", "agents": [stand.other.id]}), "agent_not_of_layer"),
        ("nginx", json!({"name": "no-upstream", "upstreams": []}), "upstream_not_of_layer"),
    ] {
        let layer = stand.layer_with(form, more).await;
        let answer = stand.ask(&layer, ("GET", "/files/a"), &[("authorization", &auth)]).await;
        assert_eq!(answer.status(), 403, "{reason}");
        let refused = stand.entries("use_refused").await;
        assert_eq!(refused.last().unwrap()["reason"], reason);
        assert_eq!(refused.last().unwrap()["via"]["layer"], layer.id);
    }
    assert!(stand.entries("use_started").await.is_empty());
    let layer = stand.layer_with("nginx", json!({"name": "verdicts", "inject": false})).await;
    let answer = stand.ask(&layer, ("GET", "/files/a"), &[("authorization", &auth)]).await;
    assert_eq!((answer.status().as_u16(), answer.headers().get("authorization")), (200, None));
    let started = stand.entries("use_started").await;
    assert_eq!(started[0]["via"], json!({"layer": layer.id, "injected": false}));
}

#[tokio::test]
async fn bad_layers_are_refused_with_what_to_do() {
    let stand = Stand::new().await;
    let add = async |body: Value| stand.house.review(Method::POST, "/v1/layers", Some(body)).await;
    let good = json!({"name": "edge", "form": "envoy"});
    for (name, value, field) in [
        ("form", json!("haproxy"), "/form"),
        ("upstreams", json!(["nowhere"]), "/upstreams"),
        ("agents", json!(["agt_0193559c0a0070008000000000000000"]), "/agents"),
        ("expires_in", json!(0), "/expires_in"),
        ("expires_in", json!(400 * 24 * 60 * 60), "/expires_in"),
        ("surprise", json!(1), "/surprise"),
    ] {
        let mut body = good.clone();
        body[name] = value;
        let refused = add(body).await;
        assert_eq!(refused.problem(), "request_invalid", "{name}");
        assert!(refused.body["detail"].as_str().unwrap().starts_with(field), "{}", refused.body);
    }
    add(good.clone()).await.expect(201);
    assert_eq!(add(good).await.problem(), "conflict");
}
