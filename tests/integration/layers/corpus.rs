//! One corpus of requests has the same verdicts through Exeat's own proxy and through every layer.

use reqwest::Method;
use serde_json::json;

use super::gateways::Gateway;
use super::{Layer, Stand};

/// A request, and what becomes of it.
struct Row {
    name: &'static str,
    method: &'static str,
    path: String,
    lines: Vec<String>,
    /// The problem; none where it is allowed.
    refused: Option<&'static str>,
    /// Gateways that write the path in its plain form themselves, and then ask about that and send that.
    rewritten: &'static [(&'static str, &'static str)],
}

impl Row {
    fn rewritten(self, rewritten: &'static [(&'static str, &'static str)]) -> Self {
        Self { rewritten, ..self }
    }
}

/// Tokens of every kind.
struct Tokens {
    good: String,
    revoked: String,
    theirs: String,
    of_run: String,
}

impl Tokens {
    async fn of(stand: &Stand) -> Self {
        let good = stand.token("/files/*").await;
        let (approval, revoked) = stand.house.token(&stand.agent, "/files/*", json!({})).await;
        let path = format!("/v1/approvals/{approval}/revoke");
        stand.house.review(Method::POST, &path, Some(json!({}))).await.expect(200);
        let (_, theirs) = stand.house.token(&stand.other, "/files/*", json!({})).await;
        let body = json!({"profile": "credentialed", "rung": "credentialed"});
        let run = stand.house.ask(&stand.agent, Method::POST, "/v1/runs", Some(body)).await.expect(201);
        let body = json!({"identity": "service:ci-bot", "reason": "to test", "run": run["id"],
            "items": [{"type": "http", "upstream": "files", "methods": ["GET"], "paths": ["/files/*"]}]});
        let asked =
            stand.house.ask(&stand.agent, Method::POST, "/v1/approvals", Some(body)).await.expect(201);
        stand.house.approve(&asked).await.expect(200);
        let token = stand.house.exchange(&stand.agent, asked["id"].as_str().unwrap()).await.expect(200);
        Self { good, revoked, theirs, of_run: token["access_token"].as_str().unwrap().to_owned() }
    }
}

fn corpus(tokens: &Tokens) -> Vec<Row> {
    let auth = format!("Authorization: Bearer {}", tokens.good);
    let row = |name, method, path: &str, lines: &[&str], refused| {
        let lines = lines.iter().map(|&line| line.to_owned()).collect();
        Row { name, method, path: path.to_owned(), lines, refused, rewritten: &[] }
    };
    let with = |name, line: &str, refused| row(name, "GET", "/files/a", &[line], refused);
    let at = |name, path: &str, refused| row(name, "GET", path, &[&auth], refused);
    let beside = |name, line: &str, refused| row(name, "GET", "/files/a", &[&auth, line], refused);
    let bearer = |token: &str| format!("Authorization: Bearer {token}");
    vec![
        at("plain", "/files/a", None),
        at("another file", "/files/b", None),
        at("a query", "/files/a?b=c&d=%20e", None),
        at("an encoded byte that needs it", "/files/caf%C3%A9", None),
        with("the scheme of GitHub's clients", &format!("Authorization: token {}", tokens.good), None),
        beside("what has nothing to do with it", "X-Request-Id: 1", None),
        row("no token", "GET", "/files/a", &[], Some("not_permitted")),
        row("another method", "POST", "/files/a", &[&auth, "Content-Length: 0"], Some("not_permitted")),
        row("HEAD is not GET", "HEAD", "/files/a", &[&auth], Some("not_permitted")),
        at("another path", "/other", Some("not_permitted")),
        at("below what was granted", "/files/a/b", Some("not_permitted")),
        at("a trailing slash", "/files/a/", Some("not_permitted")),
        with(
            "a foreign credential",
            "Authorization: Bearer ghp_0123456789abcdefghij",
            Some("foreign_credential"),
        ),
        with("the wrong form", &format!("Authorization: Basic {}", tokens.good), Some("foreign_credential")),
        with("an empty slot", "Authorization: Bearer ", Some("foreign_credential")),
        beside("the token twice", &auth, Some("foreign_credential")),
        beside("another credential", "X-Api-Key: second", Some("foreign_credential")),
        beside("a cookie", "Cookie: session=1", Some("foreign_credential")),
        beside(
            "the token in another header",
            &format!("X-Copy: {}", tokens.good),
            Some("foreign_credential"),
        ),
        at("the token in the query", &format!("/files/a?copy={}", tokens.good), Some("foreign_credential")),
        at("a credential in the query", "/files/a?access_token=x", Some("foreign_credential")),
        with("a revoked token", &bearer(&tokens.revoked), Some("token_invalid")),
        with("another agent's token", &bearer(&tokens.theirs), Some("token_invalid")),
        with("a run's token", &bearer(&tokens.of_run), Some("token_invalid")),
        with("a forged token", &bearer(&format!("{}x", tokens.good)), Some("token_invalid")),
        at("d01 dot segments", "/files/../files/a", Some("request_ambiguous")),
        at("d01 an encoded dot segment", "/files/%2e%2e/files/a", Some("request_ambiguous")),
        at("d01 an empty segment", "/files//a", Some("request_ambiguous")),
        at("d04 an encoded slash", "/files%2Fa", Some("request_ambiguous")),
        at("d05 twice encoded", "/files/%2561", Some("request_ambiguous")),
        at("d05 encoded without need", "/files/%61", Some("request_ambiguous"))
            .rewritten(&[("traefik", "/files/a")]),
        at("d05 lower-case hex", "/files/caf%c3%a9", Some("request_ambiguous"))
            .rewritten(&[("traefik", "/files/caf%C3%A9")]),
        at("d06 a fragment", "/files/a#b", Some("request_ambiguous")).rewritten(&[("caddy", "/files/a%23b")]),
        at("d06 a backslash", "/files\\a", Some("request_ambiguous")),
        at("d07 a semicolon in the query", "/files/a?b=1;c=2", Some("request_ambiguous"))
            .rewritten(&[("traefik", "/files/a?b=1&c=2")]),
        beside("a method in a header", "X-HTTP-Method-Override: DELETE", Some("request_ambiguous")),
        beside("a path in a header", "X-Rewrite-URL: /files/b", Some("request_ambiguous")),
        row("c08 TRACE", "TRACE", "/files/a", &[&auth], Some("method_not_allowed")),
    ]
}

/// Gateways refuse some of these by themselves; what Exeat is asked about, it answers the same everywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_corpus_has_the_same_verdicts_through_every_layer() {
    let stand = Stand::new().await;
    let (nginx, envoy, forwarded) =
        (stand.layer("nginx").await, stand.layer("envoy").await, stand.layer("forwarded").await);
    let gateways = every(&stand, (&nginx, &envoy, &forwarded)).await;
    let rows = corpus(&Tokens::of(&stand).await);
    for gateway in &gateways {
        for row in &rows {
            judged(&stand, gateway, row).await;
        }
    }
    let started = stand.entries("use_started").await;
    assert_eq!(started.len(), stand.upstream.heads().len(), "every use is on record, and nothing else is");
    let allowed = rows.iter().filter(|row| row.refused.is_none()).count();
    let rewritten: usize = rows.iter().map(|row| row.rewritten.len()).sum();
    for (layer, expected) in [(&nginx, allowed), (&envoy, allowed), (&forwarded, 3 * allowed + rewritten)] {
        let uses = started.iter().filter(|start| start["via"]["layer"] == layer.id.as_str()).count();
        assert_eq!(uses, expected);
    }
}

async fn every(stand: &Stand, (nginx, envoy, forwarded): (&Layer, &Layer, &Layer)) -> Vec<Gateway> {
    vec![
        Gateway::exeat(stand),
        Gateway::nginx(stand, nginx).await,
        Gateway::caddy(stand, forwarded).await,
        Gateway::traefik(stand, forwarded).await,
        Gateway::envoy(stand, envoy).await,
        Gateway::srt(stand, forwarded).await,
    ]
}

fn request(host: &str, method: &str, path: &str, lines: &[String]) -> String {
    let host = format!("Host: {host}");
    let line = format!("{method} {path} HTTP/1.1");
    let always = [line.as_str(), &host, "Connection: close"];
    let all = always.into_iter().chain(lines.iter().map(String::as_str)).chain(["", ""]);
    all.collect::<Vec<_>>().join("\r\n")
}

/// As it stands in an entry: the values of the query masked.
fn masked(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let pairs = query.split('&').map(|pair| format!("{}=***", pair.split('=').next().unwrap()));
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

async fn judged(stand: &Stand, gateway: &Gateway, row: &Row) {
    let what = format!("{}: {}", gateway.name, row.name);
    let before = stand.upstream.heads().len();
    let reply = gateway.say(&request(gateway.host(), row.method, &row.path, &row.lines)).await;
    let heads = stand.upstream.heads();
    let rewritten = row.rewritten.iter().find(|(name, _)| *name == gateway.name).map(|(_, path)| *path);
    let expected = if row.refused.is_none() { Some(row.path.as_str()) } else { rewritten };
    if let Some(path) = expected {
        assert_eq!((reply.status, heads.len()), (200, before + 1), "{what}: {reply:?}");
        let head = heads.last().unwrap();
        assert!(head.starts_with(&format!("{} {path} HTTP/1.1\r\n", row.method)), "{what}: d02: {head}");
        assert!(head.contains(stand.upstream.secret()), "{what}");
        assert!(!head.contains("eyJ") && !head.to_lowercase().contains("exeat"), "{what}: e08: {head}");
        let judged = stand.entries("use_started").await;
        let target = judged.last().unwrap()["target"].as_str().unwrap().to_owned();
        assert!(target.ends_with(&masked(path)), "{what}: judged {target}");
        return;
    }
    let refused = row.refused.unwrap();
    assert_eq!(heads.len(), before, "{what}: the upstream was reached: {:?}", heads.last());
    assert!(reply.status == 0 || reply.status >= 400, "{what}: {reply:?}");
    if let Some(problem) = reply.problem() {
        assert_eq!(problem, refused, "{what}");
    } else {
        assert!(gateway.name != "exeat" || row.method == "HEAD", "{what}: {reply:?}");
    }
}

/// Whatever an agent says of the request that a layer holds, what is sent is what was judged, and nothing of it reaches the upstream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_agent_forges_for_a_layer_changes_nothing() {
    let stand = Stand::new().await;
    let (nginx, envoy, forwarded) =
        (stand.layer("nginx").await, stand.layer("envoy").await, stand.layer("forwarded").await);
    let gateways = every(&stand, (&nginx, &envoy, &forwarded)).await;
    let auth = format!("Authorization: Bearer {}", stand.token("/files/a").await);
    let forged = [
        "X-Original-URL: https://localhost/files/b",
        "X-Original-Method: DELETE",
        "X-Forwarded-Method: DELETE",
        "X-Forwarded-Uri: /files/b",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Proto: http",
        "Exeat-Layer-Key: exl_forged",
        "Exeat-Use: use_forged",
        "X-Exeat-Credential: forged",
        "Forwarded: host=evil.example;proto=http",
        "Connection: authorization",
    ];
    for gateway in gateways.iter().filter(|gateway| gateway.name != "exeat") {
        for line in forged {
            let before = stand.upstream.heads().len();
            let lines = [auth.clone(), line.to_owned()];
            let reply = gateway.say(&request(gateway.host(), "GET", "/files/a", &lines)).await;
            let what = format!("{}: {line}: {reply:?}", gateway.name);
            let heads = stand.upstream.heads();
            if heads.len() == before {
                assert_ne!(reply.status, 200, "{what}");
                continue;
            }
            let head = heads.last().unwrap();
            assert!(
                head.starts_with("GET /files/a HTTP/1.1\r\n") && head.contains(stand.upstream.secret()),
                "{what}"
            );
            let passed = ["DELETE", "/files/b", "exl_", "eyJ"].iter().any(|text| head.contains(text));
            assert!(!passed, "{what}: {head}");
        }
        for (path, host) in [("https://evil.example/files/a", gateway.host()), ("/files/a", "evil.example")] {
            let before = stand.upstream.heads().len();
            gateway.say(&request(host, "GET", path, std::slice::from_ref(&auth))).await;
            // A reverse proxy sends everything to its one upstream, whatever it was called.
            let heads = stand.upstream.heads();
            let fine =
                heads.len() == before || heads.last().unwrap().starts_with("GET /files/a HTTP/1.1\r\n");
            assert!(fine, "{}: {path} {host}: {:?}", gateway.name, heads.last());
        }
    }
    for start in stand.entries("use_started").await {
        assert!(start["target"].as_str().unwrap().ends_with("/files/a"), "{start}");
    }
}

/// A body goes where the request goes, and Exeat is asked without it.
async fn a_body_passes(framing: &str, body: &str) {
    let stand = Stand::new().await;
    let (nginx, envoy, forwarded) =
        (stand.layer("nginx").await, stand.layer("envoy").await, stand.layer("forwarded").await);
    let asked = json!({"identity": "service:ci-bot", "reason": "to test",
        "items": [{"type": "http", "upstream": "files", "methods": ["POST"], "paths": ["/files/a"]}]});
    let asked = stand.house.ask(&stand.agent, Method::POST, "/v1/approvals", Some(asked)).await.expect(201);
    stand.house.approve(&asked).await.expect(200);
    let token = stand.house.exchange(&stand.agent, asked["id"].as_str().unwrap()).await.expect(200);
    let auth = format!("Authorization: Bearer {}", token["access_token"].as_str().unwrap());
    for gateway in every(&stand, (&nginx, &envoy, &forwarded)).await {
        // The upstream of these tests takes the end of a chunked body for the end of another head.
        let posts = || {
            stand.upstream.heads().into_iter().filter(|head| head.starts_with("POST ")).collect::<Vec<_>>()
        };
        let before = posts().len();
        let head = request(gateway.host(), "POST", "/files/a", &[auth.clone(), framing.to_owned()]);
        let reply = gateway.say(&format!("{head}{body}")).await;
        let heads = posts();
        assert_eq!((reply.status, heads.len()), (200, before + 1), "{}: {reply:?}", gateway.name);
        let head = heads.last().unwrap().to_lowercase();
        assert!(head.starts_with("post /files/a http/1.1\r\n"), "{}: {head}", gateway.name);
        let framed = ["content-length: 5\r\n", "transfer-encoding: chunked\r\n"];
        assert!(framed.iter().any(|line| head.contains(line)), "{}: {head}", gateway.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_a_known_length_passes() {
    a_body_passes("Content-Length: 5", "hello").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_in_chunks_passes() {
    a_body_passes("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n").await;
}
