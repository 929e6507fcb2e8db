//! Answers that go on.

use reqwest::{Method, Response};

use super::{Client, ClientError, PATIENCE};

impl Client {
    /// Reads something long, piece by piece.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn stream(&self, path: &str) -> Result<Response, ClientError> {
        let response =
            self.request(Method::GET, path).send().await.map_err(|source| self.unreachable(source))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response).await) }
    }

    /// Asks for something whose answer goes on for as long as it lasts; when the response is dropped, so is that.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn hold(&self, path: &str) -> Result<Response, ClientError> {
        let answer = self.request(Method::POST, path).send();
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        let response = answer.map_err(|_| self.unreadable())?.map_err(|source| self.unreachable(source))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response).await) }
    }
}
