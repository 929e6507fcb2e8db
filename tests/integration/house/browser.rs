//! A real Chromium, driven over the WebDriver protocol (W3C WebDriver Level 2), as a user of its own.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Program;

/// How long something on a page may take to become so.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Browser {
    http: Client,
    session: String,
    _driver: Program,
}

impl Browser {
    /// A window of this size, in CSS pixels.
    pub(crate) async fn open(width: u32, height: u32) -> Self {
        super::install_crypto();
        let dir = TempDir::new().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let driver = Program::start("chromedriver", as_nobody(dir.path(), port), dir);
        let (http, url) = (Client::builder().no_proxy().build().unwrap(), format!("http://127.0.0.1:{port}"));
        let begun = tokio::time::Instant::now();
        while http.get(format!("{url}/status")).send().await.is_err() {
            assert!(begun.elapsed() < PATIENCE, "chromedriver does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let size = format!("--window-size={width},{height}");
        let arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", &size];
        let wanted = json!({"browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": arguments}});
        let body = json!({"capabilities": {"alwaysMatch": wanted}});
        let browser = Self { http, session: format!("{url}/session"), _driver: driver };
        let made = browser.call(Method::POST, "", body).await;
        let id = made["sessionId"].as_str().unwrap();
        Self { session: format!("{}/{id}", browser.session), ..browser }
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let mut request = self.http.request(method, format!("{}{path}", self.session));
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let (status, mut body) = (answer.status(), answer.json::<Value>().await.unwrap());
        assert!(status.is_success(), "{path}: {body}");
        body["value"].take()
    }

    pub(crate) async fn go(&self, url: &str) {
        self.call(Method::POST, "/url", json!({"url": url})).await;
    }

    pub(crate) async fn url(&self) -> String {
        self.call(Method::GET, "/url", Value::Null).await.as_str().unwrap().to_owned()
    }

    /// What a script gives back.
    pub(crate) async fn script(&self, script: &str) -> Value {
        self.call(Method::POST, "/execute/sync", json!({"script": script, "args": []})).await
    }

    /// Everything that is shown.
    pub(crate) async fn text(&self) -> String {
        self.script("return document.body.innerText").await.as_str().unwrap().to_owned()
    }

    /// Waits until this is shown, without anybody reloading the page.
    pub(crate) async fn shows(&self, text: &str) {
        let begun = tokio::time::Instant::now();
        while !self.text().await.contains(text) {
            assert!(begun.elapsed() < PATIENCE, "{text:?} is not shown:\n{}", self.text().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until nothing on the page is such.
    pub(crate) async fn gone(&self, css: &str) {
        let begun = tokio::time::Instant::now();
        let script = format!("return document.querySelector({}) === null", Value::from(css));
        while self.script(&script).await != true {
            assert!(begun.elapsed() < PATIENCE, "{css} is still there");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn find(&self, css: &str) -> String {
        let found = self.call(Method::POST, "/element", json!({"using": "css selector", "value": css})).await;
        let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
        id.unwrap().to_owned()
    }

    pub(crate) async fn click(&self, css: &str) {
        let id = self.find(css).await;
        self.call(Method::POST, &format!("/element/{id}/click"), json!({})).await;
    }

    /// Types into a field, in place of what is in it.
    pub(crate) async fn write(&self, css: &str, text: &str) {
        let id = self.find(css).await;
        self.call(Method::POST, &format!("/element/{id}/clear"), json!({})).await;
        self.call(Method::POST, &format!("/element/{id}/value"), json!({"text": text})).await;
    }

    /// Plugs in an authenticator that verifies whoever is in front of it (WebAuthn Level 3 §11).
    pub(crate) async fn authenticator(&self) -> String {
        self.authenticator_on("internal").await
    }

    /// The same, reached in this way.
    pub(crate) async fn authenticator_on(&self, transport: &str) -> String {
        let device = json!({"protocol": "ctap2", "transport": transport, "hasResidentKey": true,
            "hasUserVerification": true, "isUserVerified": true});
        let id = self.call(Method::POST, "/webauthn/authenticator", device).await;
        id.as_str().unwrap().to_owned()
    }

    /// From now on it verifies nobody.
    pub(crate) async fn stop_verifying(&self, authenticator: &str) {
        let path = format!("/webauthn/authenticator/{authenticator}/uv");
        self.call(Method::POST, &path, json!({"isUserVerified": false})).await;
    }

    /// What the browser complained of: errors of scripts, and what the policy of a page forbade.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let lines = self.call(Method::POST, "/se/log", json!({"type": "browser"})).await;
        let severe = |line: &&Value| line["level"] == "SEVERE";
        lines.as_array().unwrap().iter().filter(severe).map(|line| line["message"].to_string()).collect()
    }

    /// Lets the page be looked at in another size, dark or light.
    pub(crate) async fn looks(&self, width: u32, height: u32, scheme: &str) {
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    async fn devtools(&self, command: &str, parameters: Value) {
        self.call(Method::POST, "/goog/cdp/execute", json!({"cmd": command, "params": parameters})).await;
    }

    /// Keeps a picture of what is shown.
    pub(crate) async fn picture(&self, file: &Path) {
        let picture = self.call(Method::GET, "/screenshot", Value::Null).await;
        let bytes = base64::engine::general_purpose::STANDARD.decode(picture.as_str().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    /// Ends it; one that is dropped without is ended with its driver.
    pub(crate) async fn close(self) {
        self.call(Method::DELETE, "", Value::Null).await;
    }
}

/// Chromium does not run as root.
fn as_nobody(home: &Path, port: u16) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(home, Some(65534), Some(65534)).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "chromedriver"]);
        command
    } else {
        Command::new("chromedriver")
    };
    command.args([&format!("--port={port}"), "--log-level=SEVERE"]);
    command.env("HOME", home).env("TMPDIR", home).current_dir(home);
    command
}
