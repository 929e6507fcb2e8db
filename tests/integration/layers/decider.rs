//! `exeat decider`, with Anthropic's sandbox-runtime and without.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use super::{Layer, Stand, bearer};
use crate::house::binary;

/// The proxy's end of a conversation.
struct Proxy {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
}

impl Proxy {
    fn start(stand: &Stand, layer: &Layer) -> Self {
        let mut command = binary();
        command.arg("decider").env("EXEAT_URL", &stand.house.agent).env("EXEAT_LAYER_KEY", &layer.key);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut proxy = Self { child, to, from };
        proxy.say(&json!({"t": "hello", "proto": 1}));
        proxy
    }

    fn say(&mut self, message: &Value) {
        let text = message.to_string();
        self.to.write_all(&u32::try_from(text.len()).unwrap().to_be_bytes()).unwrap();
        self.to.write_all(text.as_bytes()).unwrap();
    }

    fn hear(&mut self) -> Value {
        let mut length = [0; 4];
        self.from.read_exact(&mut length).unwrap();
        let mut text = vec![0; u32::from_be_bytes(length) as usize];
        self.from.read_exact(&mut text).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// Says no more; gives the exit code and what was said on standard error.
    fn end(mut self) -> (Option<i32>, String) {
        drop((self.to, self.from));
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

fn held(stand: &Stand, id: u64, auth: &str) -> Value {
    let port = stand.upstream.address.port();
    json!({"t": "req", "id": id, "method": "GET", "host": "localhost", "port": port, "hostHeader": format!("localhost:{port}"),
        "sni": "localhost", "path": "/files/a", "headers": {"authorization": [auth], "accept": ["*/*"]}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_decided_one_by_one_in_any_order() {
    let stand = Stand::new().await;
    let layer = stand.layer("forwarded").await;
    let auth = bearer(&stand.token("/files/a").await);
    let mut proxy = Proxy::start(&stand, &layer);
    let hello = proxy.hear();
    assert_eq!(
        (&hello["t"], &hello["proto"], &hello["deniedDomains"]),
        (&json!("hello"), &json!(1), &json!([]))
    );
    let named = format!("localhost:{}", stand.upstream.address.port());
    assert!(hello["allowedDomains"].as_array().unwrap().contains(&json!(named)), "{hello}");
    let mut other = held(&stand, 2, &auth);
    other["path"] = json!("/files/b");
    proxy.say(&held(&stand, 1, &auth));
    proxy.say(&other);
    let mut verdicts = [proxy.hear(), proxy.hear()];
    verdicts.sort_by_key(|verdict| verdict["id"].as_u64());
    let secret = stand.upstream.secret();
    let allowed = json!({"t": "verdict", "id": 1, "action": "allow", "cred": "exeat", "credential": secret});
    assert_eq!(verdicts[0], allowed);
    assert_eq!((&verdicts[1]["action"], &verdicts[1]["status"]), (&json!("deny"), &json!(403)));
    let reason = verdicts[1]["reason"].as_str().unwrap();
    assert!(reason.contains("exeat request --identity service:ci-bot"), "it teaches: {reason}");
    assert_eq!(stand.entries("use_started").await.len(), 1);
    let (code, said) = proxy.end();
    assert_eq!((code, said.contains(secret)), (Some(0), false), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a01_a_request_in_the_clear_or_for_another_name_is_not_even_asked_about() {
    let stand = Stand::new().await;
    let layer = stand.layer("forwarded").await;
    let auth = bearer(&stand.token("/files/a").await);
    let mut proxy = Proxy::start(&stand, &layer);
    proxy.hear();
    let changes: [fn(&mut Value); 5] = [
        |held| drop(held.as_object_mut().unwrap().remove("sni")),
        |held| held["sni"] = json!("evil.example"),
        |held| held["hostHeader"] = json!("evil.example"),
        |held| held["host"] = json!("evil.example"),
        |held| held["port"] = json!(1),
    ];
    for (id, change) in (1..).zip(changes) {
        let mut request = held(&stand, id, &auth);
        change(&mut request);
        proxy.say(&request);
        assert_eq!(proxy.hear()["action"], "deny", "{request}");
    }
    assert!(stand.entries("use_started").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i13_what_is_not_the_protocol_ends_it() {
    let stand = Stand::new().await;
    let layer = stand.layer("forwarded").await;
    let again = held(&stand, 1, "Bearer x");
    for messages in [
        vec![json!({"t": "hello", "proto": 1})],
        vec![json!({"t": "body", "id": 1, "data": ""})],
        vec![again.clone(), again],
    ] {
        let mut proxy = Proxy::start(&stand, &layer);
        proxy.hear();
        for message in &messages {
            proxy.say(message);
        }
        let mut rest = Vec::new();
        proxy.from.read_to_end(&mut rest).unwrap();
        let (code, said) = proxy.end();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("broke the decider protocol"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_does_not_begin_without_a_layer_of_its_form() {
    let stand = Stand::new().await;
    let layer = stand.layer("nginx").await;
    let start = |key: &str| {
        let mut command = binary();
        command.arg("decider").env("EXEAT_URL", &stand.house.agent).env("EXEAT_LAYER_KEY", key);
        let output = command.stdin(Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = start(&layer.key);
    assert!(code == Some(2) && said.contains("--form forwarded"), "{said}");
    let (code, said) = start(&stand.agent.key);
    assert!(code == Some(3) && !said.contains(&stand.agent.key), "{said}");
}

/// The layer's key is in the environment of the decider, and not of the proxy it starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e09_the_proxy_that_is_started_does_not_get_the_layers_key() {
    let stand = Stand::new().await;
    let layer = stand.layer("forwarded").await;
    let mut command = binary();
    command.env("EXEAT_URL", &stand.house.agent).env("EXEAT_LAYER_KEY", &layer.key);
    let output = command.args(["decider", "--", "sh", "-c", "env >&2; exit 7"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7));
    assert!(said.contains("PATH=") && !said.contains(&layer.key), "{said}");
}
