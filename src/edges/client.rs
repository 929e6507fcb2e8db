//! The HTTP client of Exeat's own listeners: what the command line and the demo speak with.
//!
//! It sends a key only to the address it was given: no redirects, no proxy from the environment, no clear text but to
//! loopback. It never prints and never retries; what a refusal means is the caller's business.

mod inside;
mod layer;
mod long;

use std::fmt;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

pub use self::layer::{LayerClient, Question, Verdict};
use crate::domain::upstream::{Origin, Scheme};

/// How long an answer may take, beyond the time that the request itself asks to wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// The largest JSON answer that is read.
const LARGEST: u64 = 64 * 1024 * 1024;

/// An agent key or a review key as it was handed to the client. Prints as nothing, wiped when dropped.
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

impl std::str::FromStr for ApiKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let key = Zeroizing::new(text.trim().to_owned());
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(InvalidKey);
        }
        Ok(Self(key))
    }
}

impl ApiKey {
    /// The key, for a proxy that takes it as a password.
    #[must_use]
    pub fn as_password(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey")
    }
}

/// The text cannot be a key.
#[derive(Debug, thiserror::Error)]
#[error("expected a key as `exeat agent add` or `exeat person add` printed it")]
pub struct InvalidKey;

/// Why there is no answer to use.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The client could not be made.
    #[error("no HTTP client can be made on this machine")]
    Setup(#[source] reqwest::Error),
    /// Nobody answers there, or the connection broke.
    #[error("no answer from {origin}")]
    Unreachable {
        /// Where.
        origin: Origin,
        /// What happened.
        #[source]
        source: reqwest::Error,
    },
    /// The listener said no.
    #[error("refused with status {status}")]
    Refused {
        /// The status.
        status: u16,
        /// The problem document (RFC 9457) or the OAuth error (RFC 6749 §5.2), as it came.
        document: Value,
    },
    /// What came back is not what Exeat answers.
    #[error("the answer from {origin} is not one of Exeat's")]
    Unreadable {
        /// Where.
        origin: Origin,
    },
}

/// One listener, and the key to speak to it with.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    origin: Origin,
}

impl Client {
    /// A client of the listener at `origin`; without a key it can only ask what anybody may.
    ///
    /// # Errors
    /// When the machine has nothing to make a client from.
    pub fn new(origin: Origin, key: Option<&ApiKey>) -> Result<Self, ClientError> {
        let bearer = key.map(|key| Zeroizing::new(format!("Bearer {}", key.0.as_str())));
        Self::showing(origin, bearer.map(|bearer| (AUTHORIZATION, bearer)))
    }

    /// A client that shows `key` in this header of every request.
    fn showing(origin: Origin, key: Option<(HeaderName, Zeroizing<String>)>) -> Result<Self, ClientError> {
        use_ring();
        let mut headers = HeaderMap::new();
        if let Some((name, key)) = key
            && let Ok(mut value) = HeaderValue::from_str(&key)
        {
            value.set_sensitive(true);
            drop(headers.insert(name, value));
        }
        let mut builder = reqwest::Client::builder();
        if origin.scheme == Scheme::Http {
            // No TLS is spoken there, and reading the system's authorities takes longer than the call.
            builder = builder.tls_certs_only([]);
        }
        let http = builder
            .default_headers(headers)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .user_agent(concat!("exeat/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(ClientError::Setup)?;
        Ok(Self { http, origin })
    }

    /// Where this client speaks to.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Reads.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, ClientError> {
        self.answer(self.request(Method::GET, path).query(query).timeout(PATIENCE)).await
    }

    /// Reads what may take up to `wait` to change.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn read_waiting<T: DeserializeOwned>(
        &self,
        path: &str,
        wait: Duration,
    ) -> Result<T, ClientError> {
        let query = [("wait", wait.as_secs().to_string())];
        self.answer(self.request(Method::GET, path).query(&query).timeout(wait + PATIENCE)).await
    }

    /// Sends JSON.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.answer(self.request(Method::POST, path).json(body).timeout(PATIENCE)).await
    }

    /// Sends JSON under an idempotency key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send_once<T: DeserializeOwned>(
        &self,
        path: &str,
        key: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let request = self.request(Method::POST, path).header("Idempotency-Key", key);
        self.answer(request.json(body).timeout(PATIENCE)).await
    }

    /// Sends a form, as the OAuth endpoints take it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send_form<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.answer(self.request(Method::POST, path).form(form).timeout(PATIENCE)).await
    }

    /// Asks for something to be done that takes no body and whose answer does not matter.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn order(&self, path: &str) -> Result<(), ClientError> {
        let request = self.request(Method::POST, path).json(&Value::Object(Map::new())).timeout(PATIENCE);
        self.accepted(request).await.map(drop)
    }

    /// Sends JSON whose answer does not matter.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn tell(&self, path: &str, body: &impl Serialize) -> Result<(), ClientError> {
        self.accepted(self.request(Method::POST, path).json(body).timeout(PATIENCE)).await.map(drop)
    }

    /// Reads text, such as a signed note.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn read_text(&self, path: &str) -> Result<String, ClientError> {
        let body = self.accepted(self.request(Method::GET, path).timeout(PATIENCE)).await?;
        String::from_utf8(body.to_vec()).map_err(|_| self.unreadable())
    }

    /// A connection that broke off half way.
    #[must_use]
    pub fn unreachable(&self, source: reqwest::Error) -> ClientError {
        // The URL is left out: a query in it is nobody's business but the listener's.
        ClientError::Unreachable { origin: self.origin.clone(), source: source.without_url() }
    }

    fn unreadable(&self) -> ClientError {
        ClientError::Unreadable { origin: self.origin.clone() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.origin))
    }

    async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let body = self.accepted(request).await?;
        serde_json::from_slice(&body).map_err(|_| self.unreadable())
    }

    async fn accepted(&self, request: RequestBuilder) -> Result<Zeroizing<Vec<u8>>, ClientError> {
        let response = request.send().await.map_err(|source| self.unreachable(source))?;
        if response.status().is_success() {
            self.body(response).await
        } else {
            Err(self.refusal(response).await)
        }
    }

    async fn refusal(&self, response: Response) -> ClientError {
        let status = response.status().as_u16();
        match self.body(response).await.map(|body| serde_json::from_slice(&body)) {
            Ok(Ok(document @ Value::Object(_))) => ClientError::Refused { status, document },
            _ => self.unreadable(),
        }
    }

    /// The whole body; wiped after use, because a key or a token may be in it.
    async fn body(&self, mut response: Response) -> Result<Zeroizing<Vec<u8>>, ClientError> {
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|source| self.unreachable(source))? {
            body.extend_from_slice(&chunk);
            if body.len() as u64 > LARGEST {
                return Err(self.unreadable());
            }
        }
        Ok(body)
    }
}

/// Makes ring the provider of this process's TLS; reqwest would panic without one. Doing it twice changes nothing.
pub fn use_ring() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
