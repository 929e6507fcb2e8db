//! The client as it is inside a run.

use std::time::Duration;

use super::{Client, ClientError, use_ring};
use crate::domain::upstream::{Origin, Scheme};
use crate::planes::network::proxy::inside::HOST;

impl Client {
    /// A client inside a run: it speaks through the run's `proxy` to what Exeat answers there, without a key.
    ///
    /// # Errors
    /// When the machine has nothing to make a client from, or `proxy` is not a URL.
    pub fn inside(proxy: &str) -> Result<Self, ClientError> {
        use_ring();
        let http = reqwest::Client::builder()
            .proxy(reqwest::Proxy::http(proxy).map_err(ClientError::Setup)?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .build()
            .map_err(ClientError::Setup)?;
        let origin = Origin { scheme: Scheme::Http, host: HOST.to_owned(), port: 80 };
        Ok(Self { http, origin })
    }
}
