//! `POST /v1/events`: what layers say is on record as what they said, each event once.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Layer, Stand, bearer};

fn event(id: &str, kind: &str, data: Value) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "nginx/1", "type": kind, "data": data})
}

async fn used(stand: &Stand, layer: &Layer) -> String {
    let auth = bearer(&stand.token("/files/a").await);
    let answer = stand.ask(layer, ("GET", "/files/a"), &[("authorization", &auth)]).await;
    answer.headers()["exeat-use"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_end_of_a_use_is_on_record_as_reported() {
    let stand = Stand::new().await;
    let layer = stand.layer("nginx").await;
    let id = used(&stand, &layer).await;
    let ended = event("1", "exeat.use.ended", json!({"use": id, "status": 200, "bytes_down": 12}));
    let said = async |events: &Value| stand.report(&layer, events).await.expect(200)["events"].clone();
    assert_eq!(said(&json!([ended, ended])).await, json!(["recorded", "repeated"]));
    assert_eq!(said(&json!([ended])).await, json!(["repeated"]), "said again, it is one event");
    let again = event("2", "exeat.use.ended", json!({"use": id, "status": 500}));
    assert_eq!(said(&json!([again])).await, json!(["unknown"]), "a use ends once");
    let reported = stand.entries("use_reported").await;
    assert_eq!(reported.len(), 1);
    assert_eq!((&reported[0]["layer"], &reported[0]["outcome"]["status"]), (&json!(layer.id), &json!(200)));
    assert!(stand.entries("use_finished").await.is_empty(), "nobody of Exeat's saw it");
    let approval = reported[0]["approval"].as_str().unwrap();
    let report = stand.house.review(Method::GET, &format!("/v1/reports/{approval}"), None).await.expect(200);
    assert_eq!((&report["unfinished"], &report["used"][0]["count"]), (&json!([]), &json!(1)));
}

/// A broker that starts closes what the one before left open; what comes later is told of nothing.
#[tokio::test]
async fn after_a_restart_a_use_is_unfinished_and_its_report_is_of_nothing() {
    let mut stand = Stand::new().await;
    let layer = stand.layer("nginx").await;
    let (first, second) = (used(&stand, &layer).await, used(&stand, &layer).await);
    let ended = |id: &str, of: &str| event(id, "exeat.use.ended", json!({"use": of, "status": 200}));
    stand.report(&layer, &json!([ended("1", &first)])).await.expect(200);
    stand.house.kill_and_restart();
    let said = stand.report(&layer, &json!([ended("1", &first), ended("2", &second)])).await.expect(200);
    assert_eq!(said["events"], json!(["repeated", "unknown"]));
    let unfinished = stand.entries("use_unfinished").await;
    assert_eq!((unfinished.len(), &unfinished[0]["use"]), (1, &json!(second)));
}

#[tokio::test]
async fn j03_a_layer_speaks_of_its_own_uses_and_of_runs_of_its_agents() {
    let stand = Stand::new().await;
    let (layer, stranger) = (stand.layer("nginx").await, stand.layer("envoy").await);
    let id = used(&stand, &layer).await;
    let run = async |agent| {
        let body = json!({"profile": "read-only", "rung": "read-only"});
        let run = stand.house.ask(agent, Method::POST, "/v1/runs", Some(body)).await.expect(201);
        run["id"].as_str().unwrap().to_owned()
    };
    let (ours, theirs) = (run(&stand.agent).await, run(&stand.other).await);
    let ended = event("1", "exeat.use.ended", json!({"use": id}));
    let nowhere = event("2", "exeat.use.ended", json!({"use": "use_0193559c0a0070008000000000000000"}));
    let saw = |id: &str, run: &str| {
        event(id, "exeat.seen.connection", json!({"run": run, "host": "crates.io:443"}))
    };
    let batch = json!([ended, nowhere, saw("3", &ours), saw("4", &theirs)]);
    let said = async |layer: &Layer| stand.report(layer, &batch).await.expect(200)["events"].clone();
    assert_eq!(said(&stranger).await, json!(["unknown", "unknown", "recorded", "unknown"]));
    assert_eq!(
        said(&layer).await,
        json!(["recorded", "unknown", "recorded", "unknown"]),
        "names are each layer's own"
    );
}

#[tokio::test]
async fn what_a_layer_saw_stands_in_the_lanes_with_who_said_it() {
    let stand = Stand::new().await;
    let layer = stand.layer_with("forwarded", json!({"name": "watcher", "upstreams": []})).await;
    let body = json!({"profile": "read-only", "rung": "read-only"});
    let run =
        stand.house.ask(&stand.agent, Method::POST, "/v1/runs", Some(body)).await.expect(201)["id"].clone();
    let mut early = event(
        "1",
        "exeat.seen.connection",
        json!({"run": run, "host": "crates.io:443", "bytes_up": 7, "bytes_down": 9}),
    );
    early["time"] = json!("2026-11-25T03:00:00Z");
    let batch = json!([
        early,
        event("2", "exeat.seen.connection", json!({"run": run, "host": "crates.io:443", "bytes_up": 1})),
        event(
            "3",
            "exeat.seen.refusal",
            json!({"run": run, "target": "evil.example:443", "reason": "not on the list"})
        ),
        event(
            "4",
            "exeat.seen.file",
            json!({"run": run, "access": "write", "path": "/w/out", "count": 3, "refused": true})
        ),
    ]);
    stand.report(&layer, &batch).await.expect(200);
    let path = format!("/v1/reports/{}", run.as_str().unwrap());
    let report = stand.house.review(Method::GET, &path, None).await.expect(200);
    let rows = report["lanes"]["reported"].as_array().unwrap();
    let row = |at: usize| {
        let row = &rows[at];
        json!([row["layer_name"], row["kind"], row["what"], row["how"], row["count"], row["bytes_up"]])
    };
    assert_eq!(row(0), json!(["watcher", "connection", "crates.io:443", null, 2, 8]));
    assert_eq!(row(1), json!(["watcher", "file", "/w/out", "write, refused", 3, 0]));
    assert_eq!(row(2), json!(["watcher", "refusal", "evil.example:443", "not on the list", 1, 0]));
    assert_eq!(report["lanes"]["network"]["used"], json!([]), "nobody of Exeat's saw it");
    assert_eq!(stand.entries("layer_reported").await[0]["said_at"], "2026-11-25T03:00:00.000000Z");
    let shown = crate::house::binary()
        .args(["report", run.as_str().unwrap()])
        .env("EXEAT_REVIEW_URL", &stand.house.review)
        .env("EXEAT_REVIEW_KEY", &stand.house.review_key)
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("reported by watcher (lay_") && shown.contains("refusal 1×: evil.example:443"),
        "{shown}"
    );
}

#[tokio::test]
async fn i13_what_is_not_understood_refuses_the_batch() {
    let stand = Stand::new().await;
    let layer = stand.layer("nginx").await;
    let run = "run_0193559c0a0070008000000000000000";
    let good = event("1", "exeat.seen.connection", json!({"run": run, "host": "crates.io:443"}));
    let with = |name: &str, value: Value| {
        let mut event = good.clone();
        event[name] = value;
        json!([good, event])
    };
    let data = |value: Value| with("data", value);
    let connection = |name: &str, value: Value| {
        let mut inside = good["data"].clone();
        inside[name] = value;
        data(inside)
    };
    let file = json!({"run": run, "access": "run", "path": "/w", "count": 1});
    for (batch, field) in [
        (with("type", json!("com.example.thing")), "/1/type"),
        (with("specversion", json!("0.3")), "/1/specversion"),
        (with("datacontenttype", json!("text/plain")), "/1/datacontenttype"),
        (with("id", json!("")), "/1/id"),
        (with("id", json!("x".repeat(257))), "/1/id"),
        (with("source", json!("a\nb")), "/1/source"),
        (with("time", json!("yesterday")), "/1/time"),
        (with("extension", json!(1)), "/1/extension"),
        (data(json!([])), "/1/data"),
        (data(json!({"host": "crates.io:443"})), "/1/data/run"),
        (connection("kind", json!("file")), "/1/data/kind"),
        (connection("bytes_up", json!(-1)), "/1/data"),
        (connection("bytes_up", json!(1_u64 << 53)), "/1/data"),
        (connection("host", json!("\u{202e}")), "/1/data"),
        (connection("surprise", json!(1)), "/1/data/surprise"),
        (json!([event("1", "exeat.seen.file", file)]), "/0/data"),
        (json!([event("1", "exeat.use.ended", json!({"use": "apr_1"}))]), "/0/data/use"),
        (
            json!([event(
                "1",
                "exeat.use.ended",
                json!({"use": "use_0193559c0a0070008000000000000000", "broken": "words"})
            )]),
            "/0/data/broken",
        ),
        (json!([]), "body"),
        (json!({}), "body"),
    ] {
        let refused = stand.report(&layer, &batch).await;
        let told = (refused.status, refused.problem(), refused.body["field"].as_str().unwrap_or_default());
        assert_eq!(told, (400, "request_invalid", field), "{}", refused.body);
    }
    let many: Vec<Value> =
        (0..101).map(|at| event(&at.to_string(), "exeat.seen.connection", good["data"].clone())).collect();
    assert_eq!(stand.report(&layer, &json!(many)).await.status, 400);
    let long = with("id", json!("x".repeat(300 * 1024)));
    assert_eq!(stand.report(&layer, &long).await.problem(), "body_too_long");
    let request = stand.house.http.post(format!("{}/v1/events", stand.house.agent));
    let plain = request.header("exeat-layer-key", &layer.key).json(&json!([good])).send().await.unwrap();
    assert_eq!(plain.status(), 400, "another media type");
    assert!(stand.entries("layer_reported").await.is_empty());
}

#[tokio::test]
async fn j12_a_layer_fills_the_log_so_fast_and_no_faster() {
    let stand = Stand::new().await;
    let layer = stand.layer("nginx").await;
    let nowhere = json!({"use": "use_0193559c0a0070008000000000000000"});
    let batch: Vec<Value> =
        (0..100).map(|at| event(&at.to_string(), "exeat.use.ended", nowhere.clone())).collect();
    let batch = json!(batch);
    for _ in 0..60 {
        stand.report(&layer, &batch).await.expect(200);
    }
    let refused = stand.report(&layer, &batch).await;
    assert_eq!((refused.status, refused.problem()), (429, "rate_limited"));
}
