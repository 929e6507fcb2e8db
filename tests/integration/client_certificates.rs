//! Mutual TLS: an upstream that asks who connects is shown a certificate, whose key lies in the vault.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{Agent, Answer, House, Nginx, answer, binary};

/// Who asks for certificates, and what it issued.
struct Authority {
    root: String,
    server: (String, String),
    client: (String, String),
    ended: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = named("Exeat test root");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let issued =
            |params: &CertificateParams, key: &KeyPair| params.signed_by(key, &issuer).unwrap().pem();
        let (server, client) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut old = named("exeat");
        old.not_before = date_time_ymd(2019, 1, 1);
        old.not_after = date_time_ymd(2020, 1, 1);
        Self {
            root,
            server: (
                issued(&CertificateParams::new(["localhost".to_owned()]).unwrap(), &server),
                server.serialize_pem(),
            ),
            ended: issued(&old, &client),
            client: (issued(&named("exeat"), &client), client.serialize_pem()),
        }
    }

    /// An upstream that lets in who shows a certificate of this authority's, and says whose it saw.
    fn upstream(&self) -> Nginx {
        let server = r#"server_name localhost; ssl_certificate server.pem; ssl_certificate_key server.key;
            ssl_client_certificate root.pem; ssl_verify_client on; location / { return 200 "{\"dn\":\"$ssl_client_s_dn\"}"; }"#;
        let files = [
            ("server.pem", self.server.0.as_str()),
            ("server.key", &self.server.1),
            ("root.pem", &self.root),
        ];
        Nginx::start("ssl", server, &files)
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn definition(authority: &Authority, port: u16) -> Value {
    json!({"name": "files", "origins": [format!("https://localhost:{port}")], "slot": "bearer",
        "ca_pem": authority.root, "allow_addresses": ["127.0.0.0/8"]})
}

fn showing(mut definition: Value, chain: &str, key: &str) -> Value {
    definition["client_certificate"] = chain.into();
    definition["client_key"] = key.into();
    definition
}

async fn define(house: &House, definition: Value) -> Answer {
    house.review(Method::POST, "/v1/upstreams", Some(definition)).await
}

/// An upstream as it is defined, and what goes with it.
async fn installed(house: &House, definition: Value) -> (Value, Agent) {
    let seen = define(house, definition).await.expect(201);
    house
        .review(Method::POST, "/v1/identities", Some(json!({"identity": "service:ci-bot"})))
        .await
        .expect(201);
    let body =
        json!({"upstream": "files", "identity": "service:ci-bot", "secret": "the-secret-of-the-files"});
    house.review(Method::POST, "/v1/credentials", Some(body)).await.expect(201);
    (seen, house.enrol("agent-1").await)
}

async fn used(house: &House, agent: &Agent, port: u16) -> Answer {
    let (_, token) = house.token(agent, "/files/a", json!({})).await;
    let url = format!("https://localhost:{port}/files/a");
    answer(house.through_proxy(agent).get(url).bearer_auth(token).send().await.unwrap()).await
}

#[tokio::test]
async fn an_upstream_that_asks_who_connects_is_shown_the_certificate_of_its_definition() {
    let (mut house, authority) = (House::start(), Authority::new());
    let nginx = authority.upstream();
    let (chain, key) = &authority.client;
    let (seen, agent) = installed(&house, showing(definition(&authority, nginx.port), chain, key)).await;
    assert_eq!((&seen["client_certificate"], seen.get("client_key")), (&json!(chain), None));
    assert_eq!(used(&house, &agent, nginx.port).await.expect(200), json!({"dn": "CN=exeat"}));

    // The key is sealed: under the vault's next key it is the same one, and after a restart too.
    let rotated = house.review(Method::POST, "/v1/keys/vault/rotate", None).await.expect(200);
    assert_eq!(rotated, json!({"version": 2, "resealed": 2}));
    assert_eq!(used(&house, &agent, nginx.port).await.expect(200), json!({"dn": "CN=exeat"}));
    house.kill_and_restart();
    assert_eq!(used(&house, &agent, nginx.port).await.expect(200), json!({"dn": "CN=exeat"}));

    let log = house.log().await;
    let sealed = log.iter().filter(|entry| entry["entry"]["event"]["type"] == "client_key_sealed").count();
    assert_eq!(sealed, 1);
    let body = key.lines().nth(1).unwrap();
    assert!(!Value::from(log).to_string().contains(body), "a private key is in the log");
}

#[tokio::test]
async fn a_definition_without_a_certificate_shows_none() {
    let (house, authority) = (House::start(), Authority::new());
    let nginx = authority.upstream();
    let (chain, key) = &authority.client;
    let plain = definition(&authority, nginx.port);
    let (_, agent) = installed(&house, showing(plain.clone(), chain, key)).await;
    used(&house, &agent, nginx.port).await.expect(200);
    let seen = define(&house, plain).await.expect(201);
    assert_eq!(seen.get("client_certificate"), None);
    let refused = used(&house, &agent, nginx.port).await;
    assert_eq!(refused.status, 400, "nginx asked and was shown nothing: {}", refused.body);
}

#[tokio::test]
async fn a_key_that_cannot_prove_the_certificate_is_refused_before_anything_is_stored() {
    let (house, authority) = (House::start(), Authority::new());
    let plain = definition(&authority, 4443);
    let ((chain, key), other) = (&authority.client, KeyPair::generate().unwrap().serialize_pem());
    let alone = |member: &str, text: &str| {
        let mut body = plain.clone();
        body[member] = text.into();
        body
    };
    let refused = [
        (showing(plain.clone(), chain, &other), "/client_key: the key is not that of the first certificate."),
        (showing(plain.clone(), chain, chain), "/client_key: not a private key"),
        (showing(plain.clone(), key, key), "/client_certificate: not a list of certificates"),
        (showing(plain.clone(), "", key), "/client_certificate: not a list of certificates"),
        (
            showing(plain.clone(), &authority.ended, key),
            "/client_certificate: the certificate ended at 2020-01-01",
        ),
        (alone("client_certificate", chain), "/client_key: the client certificate needs its private key."),
        (alone("client_key", key), "/client_certificate: the client key needs its certificate."),
    ];
    for (body, said) in refused {
        let answer = define(&house, body).await;
        let detail = answer.body["detail"].as_str().unwrap().to_owned();
        assert_eq!((answer.status, answer.problem()), (400, "request_invalid"), "{detail}");
        assert!(detail.starts_with(said), "{detail}");
    }
    let list = house.review(Method::GET, "/v1/upstreams", None).await.expect(200);
    assert_eq!(list, json!({"upstreams": []}));
}

#[tokio::test]
async fn the_command_line_reads_certificate_and_key_from_files() {
    let (house, authority) = (House::start(), Authority::new());
    let at = |name: &str, text: &str| {
        let path = house.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (chain, key) = (at("client.pem", &authority.client.0), at("client-key.pem", &authority.client.1));
    let add = || {
        let mut command = binary();
        command.args(["upstream", "add", "bank", "--origin", "https://bank.example", "--slot", "bearer"]);
        command.args(["--review-url", &house.review]).env("EXEAT_REVIEW_KEY", &house.review_key);
        command
    };
    let half = add().arg("--client-certificate").arg(&chain).output().unwrap();
    assert_eq!(half.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&half.stderr).contains("--client-key"));
    let whole = add().arg("--client-certificate").arg(&chain).arg("--client-key").arg(&key).output().unwrap();
    assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
    let said = String::from_utf8_lossy(&whole.stdout).into_owned();
    assert!(said.contains("a client certificate"), "{said}");
}
