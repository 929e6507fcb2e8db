//! Rules about bodies, from outside: a real Exeat, and an upstream that remembers every byte it was sent.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::house::{Agent, Answer, House, Upstream, answer};

/// A granted item and what it takes to use it.
struct Desk {
    house: House,
    upstream: Upstream,
    agent: Agent,
    http: Client,
    token: String,
}

impl Desk {
    /// `body` is granted for POST on `/api`, and DELETE on `/free` with any body.
    async fn granted(body: Value) -> Self {
        Self::with(json!([
            {"type": "http", "upstream": "files", "methods": ["POST"], "paths": ["/api"], "body": body},
            {"type": "http", "upstream": "files", "methods": ["GET", "DELETE"], "paths": ["/free"]},
        ]))
        .await
    }

    /// These two items are granted.
    async fn with(items: Value) -> Self {
        let (house, upstream) =
            (House::start_with("[proxy]\ninspect_bytes = 4096\n"), Upstream::start().await);
        let agent = house.install(&upstream, "bearer").await;
        let ask = json!({"identity": "service:ci-bot", "reason": "to test", "items": items});
        let approval = house.ask(&agent, Method::POST, "/v1/approvals", Some(ask)).await.expect(201);
        let decision = json!({"statement_digest": approval["statement_digest"], "items": [
            {"index": 0, "decision": "approve"}, {"index": 1, "decision": "approve"}]});
        let id = approval["id"].as_str().unwrap();
        let path = format!("/v1/approvals/{id}/decision");
        house.review(Method::POST, &path, Some(decision)).await.expect(200);
        let token = house.exchange(&agent, id).await.expect(200);
        let token = token["access_token"].as_str().unwrap().to_owned();
        let http = house.through_proxy(&agent);
        Self { house, upstream, agent, http, token }
    }

    async fn send(&self, method: Method, path: &str, fields: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let request = self.http.request(method, self.upstream.url(path)).bearer_auth(&self.token);
        let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        answer(request.body(body).send().await.unwrap()).await
    }

    async fn post(&self, body: &str) -> Answer {
        self.send(Method::POST, "/api", &[("content-type", "application/json")], body.into()).await
    }

    /// The targets of all entries with this name of event.
    async fn targets(&self, event: &str) -> Vec<String> {
        let log = self.house.log().await;
        let events = log.iter().map(|line| &line["entry"]["event"]).filter(|one| one["type"] == event);
        events.map(|event| event["target"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// Refused as this problem, with this reason or with this lack in the body.
#[track_caller]
fn refused(answer: &Answer, problem: &str, why: (&str, &str)) {
    assert_eq!(answer.problem(), problem, "{}", answer.body);
    assert_eq!(answer.body[why.0], why.1, "{}", answer.body);
}

#[tokio::test]
async fn d08_the_bytes_that_were_judged_are_the_bytes_that_are_sent() {
    let desk = Desk::granted(json!({"json": {"/ref": ["refs/heads/agent"]}})).await;
    let body = "  {\"x\" : 1.0e0, \"ref\":\"refs\\/heads/agent\"}\n";
    assert_eq!(desk.post(body).await.expect(200), json!({"ok": true}));
    assert_eq!(desk.upstream.bodies(), [body.as_bytes()], "not one byte was written anew");

    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(body.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let gzip = [("content-type", "application/json"), ("content-encoding", "gzip")];
    desk.send(Method::POST, "/api", &gzip, packed.clone()).await.expect(200);
    assert_eq!(desk.upstream.bodies()[1], packed, "packed as it came");

    let uses = desk.targets("use_started").await;
    assert!(uses.iter().all(|target| target.ends_with("/api [json ref x]")), "{uses:?}");
}

#[tokio::test]
async fn d08_a_body_beyond_the_limit_is_refused_and_one_that_no_rule_is_about_streams() {
    let desk = Desk::granted(json!({"json": {"/ref": ["a"]}})).await;
    let padded = format!("{}{{\"ref\":\"a\"}}", " ".repeat(5000));
    let answer = desk.post(&padded).await;
    assert_eq!(answer.status, 413);
    refused(&answer, "body_too_long", ("reason", "body_over_limit"));
    let packed = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let gzip = [("content-type", "application/json"), ("content-encoding", "gzip")];
    let bomb = desk.send(Method::POST, "/api", &gzip, packed(padded.as_bytes())).await;
    refused(&bomb, "body_too_long", ("reason", "body_over_limit"));
    let encoded = [("content-type", "application/json"), ("content-encoding", "br")];
    let unknown = desk.send(Method::POST, "/api", &encoded, b"{}".to_vec()).await;
    refused(&unknown, "request_ambiguous", ("reason", "body_encoding"));
    assert!(desk.upstream.heads().is_empty(), "nothing of these reached the upstream (I5)");

    let free = desk.send(Method::DELETE, "/free", &[("content-type", "a/b")], vec![b'x'; 100_000]).await;
    free.expect(200);
    assert_eq!(desk.upstream.bodies()[0].len(), 100_000);
    assert!(desk.targets("use_started").await[0].ends_with("/free"), "nobody looked into it");
}

#[tokio::test]
async fn d08_a_refusal_says_which_fact_was_missing_and_asks_for_it() {
    let desk = Desk::granted(json!({"json": {"/ref": ["a"], "/draft": [true]}})).await;
    for (body, reason) in
        [(r#"{"ref":"a","draft":true,"ref":"b"}"#, "body_name_twice"), ("{} {}", "body_json"), ("", "")]
    {
        let answer = desk.post(body).await;
        if reason.is_empty() {
            refused(&answer, "not_permitted", ("body", "json: a body"));
        } else {
            refused(&answer, "request_ambiguous", ("reason", reason));
        }
    }
    let answer = desk.post(r#"{"ref":"b-hidden","draft":true}"#).await;
    refused(&answer, "not_permitted", ("body", "json: the value at \"/ref\""));
    assert_eq!(
        answer.body["missing"][0]["body"],
        json!({"json": {"/draft": [true], "/ref": ["b-hidden"]}}),
        "{}",
        answer.body
    );
    let ask = answer.body["ask"]["body"].clone();
    let asked = desk.house.ask(&desk.agent, Method::POST, "/v1/approvals", Some(ask)).await.expect(201);
    desk.house.approve(&asked).await.expect(200);
    let token = desk.house.exchange(&desk.agent, asked["id"].as_str().unwrap()).await.expect(200);
    let desk = Desk { token: token["access_token"].as_str().unwrap().to_owned(), ..desk };
    desk.post(r#"{"ref":"b-hidden","draft":true,"more":1}"#).await.expect(200);
    let refusals = desk.targets("use_refused").await;
    assert!(!refusals.join(" ").contains("b-hidden"), "no value is on record (I11): {refusals:?}");
    assert!(refusals.last().unwrap().ends_with("[json draft ref]"), "{refusals:?}");
}

#[tokio::test]
async fn d10_graphql_is_judged_by_every_operation_and_root_field() {
    let rule =
        json!({"graphql": {"operations": ["query"], "fields": ["viewer", "issue"], "persisted": ["h1"]}});
    let desk = Desk::granted(rule).await;
    let query = |text: &str| json!({ "query": text }).to_string();
    for good in [
        query("{ viewer { login } }"),
        query("query A { mine: issue { deleteAll } } query B { viewer }"),
        format!("[{},{}]", query("{ viewer }"), query("{ issue }")),
        r#"{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"h1"}}}"#.to_owned(),
    ] {
        desk.post(&good).await.expect(200);
    }
    let not = "graphql: not a body of this kind";
    for (bad, lacks) in [
        (query("mutation { viewer }"), "graphql: the operation mutation"),
        (query("query A { viewer } mutation B { viewer }"), "graphql: the operation mutation"),
        (query("{ viewer: deleteRepository }"), "graphql: the field deleteRepository"),
        (query("{ ...F } fragment F on Query { secrets }"), "graphql: the field secrets"),
        (query("{ __schema { types } }"), "graphql: the field __schema"),
        (format!("[{},{}]", query("{ viewer }"), query("{ other }")), "graphql: the field other"),
        (r#"{"documentId":"h2"}"#.to_owned(), "graphql: a persisted query"),
        (r#"{"query":"{ viewer }","id":"h2"}"#.to_owned(), not),
        (query("{ viewer"), not),
    ] {
        refused(&desk.post(&bad).await, "not_permitted", ("body", lacks));
    }
    let by_get = desk.send(Method::GET, "/api?query=mutation", &[], Vec::new()).await;
    assert_eq!(by_get.problem(), "not_permitted");
    let json = [("content-type", "application/json")];
    let beside = desk.send(Method::POST, "/api?query=secrets", &json, query("{ viewer }").into()).await;
    assert_eq!(beside.problem(), "not_permitted", "no server may take the query from the URL");
    assert_eq!(desk.upstream.heads().len(), 4);
}

#[tokio::test]
async fn d10_json_rpc_is_judged_by_method_and_tool_and_batches_as_a_whole() {
    let desk =
        Desk::granted(json!({"json_rpc": {"methods": ["tools/call", "ping"], "tools": ["search"]}})).await;
    let call = |method: &str, tool: &str| json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"name": tool, "arguments": {}}});
    desk.post(&call("tools/call", "search").to_string()).await.expect(200);
    desk.post(&json!([call("ping", "x"), call("tools/call", "search")]).to_string()).await.expect(200);
    for (bad, lacks) in [
        (call("tools/call", "delete"), "json_rpc: the tool"),
        (call("resources/read", "search"), "json_rpc: the method"),
        (json!([call("ping", "x"), call("tools/call", "delete")]), "json_rpc: the tool"),
        (json!([]), "json_rpc: not a body of this kind"),
    ] {
        refused(&desk.post(&bad.to_string()).await, "not_permitted", ("body", lacks));
    }
    let refusals = desk.targets("use_refused").await;
    assert!(refusals[0].ends_with("[json_rpc tools/call delete]"), "{refusals:?}");
}

#[tokio::test]
async fn d12_multipart_and_fields_that_come_twice_are_refused() {
    let desk = Desk::granted(json!({"form": {"state": ["open"]}})).await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    desk.send(Method::POST, "/api", &form, b"state=open".to_vec()).await.expect(200);
    let twice = desk.send(Method::POST, "/api", &form, b"state=open&state=closed".to_vec()).await;
    refused(&twice, "request_ambiguous", ("reason", "body_form"));
    let more = desk.send(Method::POST, "/api", &form, b"state=open&admin=1".to_vec()).await;
    refused(&more, "not_permitted", ("body", "form: a field or its value"));
    let parts = b"--x\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{}\r\n--x--\r\n";
    let multipart = [("content-type", "multipart/form-data; boundary=x")];
    let answer = desk.send(Method::POST, "/api", &multipart, parts.to_vec()).await;
    refused(&answer, "request_ambiguous", ("reason", "body_type"));
    assert_eq!(desk.upstream.bodies(), [b"state=open"]);
}

#[tokio::test]
async fn c10_a_body_on_get_is_refused_beside_a_rule_about_bodies() {
    let desk = Desk::granted(json!({"json": {"/a": [1]}})).await;
    let answer =
        desk.send(Method::GET, "/free", &[("content-type", "application/json")], b"{}".to_vec()).await;
    refused(&answer, "request_ambiguous", ("reason", "body_unexpected"));
    desk.send(Method::GET, "/free", &[], Vec::new()).await.expect(200);
    assert_eq!(desk.upstream.heads().len(), 1);
}

#[tokio::test]
async fn d08_a_stream_of_http2_is_judged_and_sent_alike() {
    let desk = Desk::granted(json!({"json": {"/ref": ["a"]}})).await;
    let curl = |body: &str| {
        let mut curl = tokio::process::Command::new("curl");
        curl.args(["--silent", "--http2", "--noproxy", "", "--output", "-", "--data", body]);
        curl.args(["--write-out", " %{http_code} over %{http_version}"]);
        curl.args(["--proxy", &desk.house.proxy, "--proxy-user", &format!("agent:{}", desk.agent.key)]);
        curl.arg("--cacert").arg(desk.house.data().join("ca.pem"));
        curl.args(["--header", &format!("Authorization: Bearer {}", desk.token)]);
        curl.args(["--header", "Content-Type: application/json", &desk.upstream.url("/api")]);
        async move { String::from_utf8(curl.output().await.unwrap().stdout).unwrap() }
    };
    let allowed = curl(r#"{"ref" : "a"}"#).await;
    assert!(allowed.ends_with("200 over 2"), "{allowed}");
    assert_eq!(desk.upstream.bodies(), [br#"{"ref" : "a"}"#]);
    let refused = curl(r#"{"ref":"b"}"#).await;
    assert!(refused.contains("json: the value at") && refused.ends_with("403 over 2"), "{refused}");
    let long = curl(&format!("{}{{}}", " ".repeat(5000))).await;
    assert!(long.contains("body_over_limit") && long.ends_with("413 over 2"), "{long}");
    assert_eq!(desk.upstream.heads().len(), 1);
}

/// Sends the first half of a body and waits for the rest of it, until there is room for that.
async fn held(request: reqwest::RequestBuilder) {
    loop {
        let rest = futures_util::stream::once(async { Ok::<_, std::io::Error>(&br#"{"ref":"#[..]) });
        let rest = futures_util::StreamExt::chain(rest, futures_util::stream::pending());
        let sent = request.try_clone().unwrap().body(reqwest::Body::wrap_stream(rest)).send();
        assert_eq!(sent.await.unwrap().status(), 429);
    }
}

#[tokio::test]
async fn j12_as_many_bodies_are_kept_as_there_is_room_for() {
    let desk = Desk::granted(json!({"json": {"/ref": ["a"]}})).await;
    let request = desk.http.post(desk.upstream.url("/api")).bearer_auth(&desk.token);
    let request = request.header("content-type", "application/json");
    let mut open = tokio::task::JoinSet::new();
    for _ in 0..32 {
        drop(open.spawn(held(request.try_clone().unwrap())));
    }
    // Read and refused, where there is room to read it.
    let read = || desk.post(r#"{"ref":"b"}"#);
    let busy = loop {
        let answer = read().await;
        if answer.problem() != "not_permitted" {
            break answer;
        }
    };
    assert_eq!((busy.status, busy.problem()), (429, "rate_limited"), "{}", busy.body);
    assert_eq!(busy.body["reason"], "inspections_busy");
    // Whoever leaves makes room.
    open.shutdown().await;
    while read().await.problem() != "not_permitted" {}
    assert!(desk.upstream.heads().is_empty());
}

const PUSH: (&str, &str) = ("content-type", "application/x-git-receive-pack-request");

/// A push of one ref, with a pack that nobody reads.
fn push_of(name: &str, capabilities: &str) -> Vec<u8> {
    let line = format!("{} {} {name}\0{capabilities}", "1".repeat(40), "2".repeat(40));
    format!("{:04x}{line}0000PACK", line.len() + 4).into_bytes()
}

#[tokio::test]
async fn d13_what_is_no_push_in_one_reading_is_refused() {
    let item = json!({"type": "git", "upstream": "files", "repositories": ["/app.git"], "access": "write",
        "refs": ["refs/heads/agent/*"]});
    let desk = Desk::with(
        json!([item, {"type": "http", "upstream": "files", "methods": ["GET"], "paths": ["/free"]}]),
    )
    .await;
    let at = "/app.git/git-receive-pack";
    let good = push_of("refs/heads/agent/a", "report-status");
    desk.send(Method::POST, at, &[PUSH], good.clone()).await.expect(200);
    assert_eq!(desk.upstream.bodies(), [good.as_slice()], "not one byte was written anew");
    assert!(
        desk.targets("use_started").await[0]
            .ends_with("/app.git/git-receive-pack [git update refs/heads/agent/a]")
    );

    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&good).unwrap();
    let gzip = ("content-encoding", "gzip");
    let lie = ("content-type", "application/json");
    for (fields, body, reason) in [
        (&[PUSH, gzip][..], packed.finish().unwrap(), "body_encoding"),
        (&[lie], good.clone(), "body_json"),
        (&[], good.clone(), "body_type"),
        (&[PUSH], b"000fpush-cert\0x0000".to_vec(), "git_push_signed"),
        (&[PUSH], push_of("refs/heads/agent/a", "push-options"), "git_push_options"),
        (&[PUSH], b"PACK".to_vec(), "git_push"),
        (&[PUSH], good[..good.len() - 12].to_vec(), "git_push"),
        (&[PUSH], push_of("refs/heads/agent/../main", ""), "git_push"),
        (&[PUSH], [b"0018shallow ".as_slice(), &b"x".repeat(5000)].concat(), "git_push"),
    ] {
        let answer = desk.send(Method::POST, at, fields, body).await;
        refused(&answer, "request_ambiguous", ("reason", reason));
    }
    // What is labelled as a push and sent elsewhere is none.
    let elsewhere =
        desk.send(Method::POST, "/free", &[PUSH], push_of("refs/heads/main", "report-status")).await;
    assert_eq!(elsewhere.problem(), "not_permitted");
    let main = push_of("refs/heads/main", "report-status");
    let report =
        desk.http.post(desk.upstream.url(at)).bearer_auth(&desk.token).header(PUSH.0, PUSH.1).body(main);
    let report = report.send().await.unwrap();
    assert_eq!(report.headers()["content-type"], "application/x-git-receive-pack-result");
    assert_eq!(report.text().await.unwrap(), "000eunpack ok\n0028ng refs/heads/main refused by Exeat\n0000");
    // A client that takes no report is told as everybody is.
    let other = desk.send(Method::POST, at, &[PUSH], push_of("refs/heads/main", "")).await;
    refused(&other, "not_permitted", ("body", "git: to update \"refs/heads/main\""));
    assert_eq!(other.body["missing"][0]["refs"], json!(["refs/heads/main"]));
    // Writing is not reading, another repository is another one, and git's oldest protocol is not git's to this item.
    for (method, path) in [
        (Method::POST, "/app.git/git-upload-pack"),
        (Method::GET, "/app.git/info/refs?service=git-upload-pack"),
        (Method::GET, "/app.git/info/refs"),
        (Method::GET, "/app.git/HEAD"),
        (Method::GET, "/app.git/info/refs?service=git-receive-pack&service=git-upload-pack"),
        (Method::POST, "/other.git/git-receive-pack"),
        (Method::POST, "/app.git/git-receive-pack?x"),
        (Method::PUT, "/app.git/git-receive-pack"),
    ] {
        let body = if method == Method::GET { Vec::new() } else { good.clone() };
        let answer = desk.send(method, path, &[PUSH], body).await;
        assert_eq!(answer.problem(), "not_permitted", "{path}: {}", answer.body);
    }
    desk.send(Method::GET, "/app.git/info/refs?service=git-receive-pack", &[], Vec::new()).await.expect(200);
    assert_eq!(desk.upstream.heads().len(), 2, "nothing else was sent (I5)");
}
