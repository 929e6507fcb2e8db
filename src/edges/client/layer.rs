//! How a layer asks: each request that it holds as one question, in the form `forwarded`.

use std::fmt;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::{ApiKey, Client, ClientError, PATIENCE};
use crate::domain::upstream::Origin;
use crate::edges::wire::LayerMe;
use crate::planes::network::forward_auth::{KEY, PATH};

/// A request that a layer holds. Somebody's token is in it: it prints as where it goes.
#[derive(Clone)]
pub struct Question<'a> {
    /// Its method.
    pub method: &'a str,
    /// Where it goes.
    pub origin: &'a Origin,
    /// Its path and query.
    pub path: &'a str,
    /// Its headers.
    pub headers: HeaderMap,
}

/// What Exeat says. A credential may be in it: it prints as yes or no.
pub enum Verdict {
    /// It may be made; with the headers of the answer.
    Allowed(HeaderMap),
    /// It is refused, with this problem.
    Refused(Value),
}

impl fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("origin", self.origin).finish_non_exhaustive()
    }
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Allowed(_)) { "Allowed" } else { "Refused" })
    }
}

/// The agent listener, as a layer reaches it.
#[derive(Clone, Debug)]
pub struct LayerClient(Client);

impl LayerClient {
    /// A client of the listener at `origin`.
    ///
    /// # Errors
    /// When the machine has nothing to make a client from.
    pub fn new(origin: Origin, key: &ApiKey) -> Result<Self, ClientError> {
        Client::showing(origin, Some((KEY, key.0.clone()))).map(Self)
    }

    /// What the layer may do.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn me(&self) -> Result<LayerMe, ClientError> {
        self.0.read("/v1/layer", &[]).await
    }

    /// Asks about a request.
    ///
    /// # Errors
    /// [`ClientError`] when there is no verdict.
    pub async fn ask(&self, question: Question<'_>) -> Result<Verdict, ClientError> {
        let Question { method, origin, path, headers: mut asked } = question;
        let host = origin.to_string().split_off(origin.scheme.as_str().len() + "://".len());
        for (name, value) in [
            ("x-forwarded-method", method),
            ("x-forwarded-proto", origin.scheme.as_str()),
            ("x-forwarded-host", &host),
            ("x-forwarded-uri", path),
        ] {
            let Ok(value) = HeaderValue::from_str(value) else { return Ok(Verdict::Refused(Value::Null)) };
            // One that the client sent stays beside it, and is refused as said twice.
            asked.append(HeaderName::from_static(name), value);
        }
        let request = self.0.request(Method::GET, PATH).headers(asked).timeout(PATIENCE);
        let response = request.send().await.map_err(|source| self.0.unreachable(source))?;
        if response.status().is_success() {
            return Ok(Verdict::Allowed(response.headers().clone()));
        }
        match self.0.refusal(response).await {
            ClientError::Refused { status: 401 | 403, document } => Ok(Verdict::Refused(document)),
            error => Err(error),
        }
    }
}
