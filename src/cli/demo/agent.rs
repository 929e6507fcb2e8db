//! `exeat demo-agent`: a coding agent as far as Exeat can tell. It knows an address, its own key and a proxy; no secret.
//!
//! It says what happens to it as one line of JSON each, for the demo to tell and to check.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{DONE, Output};
use crate::cli::settings::AgentSide;
use crate::cli::wait;
use crate::domain::upstream::Origin;
use crate::edges::client::{Client, ClientError, use_ring};
use crate::edges::wire::{ApprovalView, GRANT_TYPE, SUBJECT_TOKEN_TYPE, TokenAnswer, TokenForm};

/// The path that the agent needs.
const NEEDED: &str = "/repos/acme/app/issues";

/// Play the demo's agent.
#[derive(Args, Debug)]
pub(crate) struct DemoAgent {
    #[command(flatten)]
    side: AgentSide,
    /// The proxy through which everything goes out.
    #[arg(long)]
    proxy: Origin,
    /// The root certificate that the proxy's answers are under.
    #[arg(long)]
    ca: PathBuf,
    /// The upstream it wants to reach.
    #[arg(long)]
    upstream: Origin,
    /// Whom it wants to act as.
    #[arg(long)]
    identity: String,
}

impl DemoAgent {
    pub(crate) async fn run(self, _output: Output) -> Result<Exit, Failure> {
        let say = Output::new(true);
        let exeat = self.side.client()?;
        let outside = self.outside()?;
        let refused = self.go(&outside, Method::GET, NEEDED, None).await?;
        say.answer(&told("refused", &refused), |_| {})?;
        let asked: ApprovalView = exeat.send("/v1/approvals", &self.request(&refused)).await?;
        say.answer(&json!({ "event": "asked", "approval": asked.id }), |_| {})?;
        let decided = wait::for_decision(&exeat, asked.id, Duration::from_hours(1), say).await?;
        say.answer(&json!({ "event": "decided", "state": decided.state }), |_| {})?;
        if decided.state != "approved" {
            return DONE;
        }
        let token: TokenAnswer = exchange(&exeat, &asked).await?;
        say.answer(&json!({ "event": "token", "expires_in": token.expires_in }), |_| {})?;
        let token = Some(token.access_token.reveal());
        for (method, path) in
            [(Method::GET, NEEDED), (Method::POST, NEEDED), (Method::GET, "/repos/acme/payroll/contents")]
        {
            let answer = self.go(&outside, method, path, token).await?;
            say.answer(&told("answered", &answer), |_| {})?;
        }
        let again = match exchange(&exeat, &asked).await {
            Ok(_) => json!({ "event": "again", "error": null }),
            Err(ClientError::Refused { document, .. }) => {
                json!({ "event": "again", "error": document.get("error") })
            }
            Err(error) => return Err(error.into()),
        };
        say.answer(&again, |_| {})?;
        DONE
    }

    /// The way out: through the proxy, trusting the certificates it shows, and nothing else.
    fn outside(&self) -> Result<reqwest::Client, Failure> {
        use_ring();
        let cannot = |error: reqwest::Error| Failure::because("the agent cannot go out", &error);
        let key = self.side.key()?;
        let proxy = reqwest::Proxy::all(self.proxy.to_string())
            .map_err(cannot)?
            .basic_auth("agent", key.as_password());
        let roots = reqwest::Certificate::from_pem_bundle(&std::fs::read(&self.ca)?).map_err(cannot)?;
        reqwest::Client::builder()
            .proxy(proxy)
            .tls_certs_only(roots)
            .timeout(Duration::from_secs(30))
            .build()
            .map_err(cannot)
    }

    async fn go(
        &self,
        outside: &reqwest::Client,
        method: Method,
        path: &str,
        token: Option<&str>,
    ) -> Result<Answer, Failure> {
        let lost = |error: reqwest::Error| Failure::because("the agent has no answer", &error);
        let mut request = outside.request(method.clone(), format!("{}{path}", self.upstream));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.map_err(lost)?;
        let status = response.status().as_u16();
        let body = response.json().await.map_err(lost)?;
        Ok(Answer { method, path: path.to_owned(), status, body })
    }

    /// What the refusal offers to ask, with what only the agent can say.
    fn request(&self, refused: &Answer) -> Value {
        let mut body = refused.body.pointer("/ask/body").cloned().unwrap_or_else(|| json!({}));
        let claimed = json!({ "tool": "Bash", "call": format!("curl {}{NEEDED}", self.upstream) });
        let refusal = body.pointer("/step/refusal").cloned();
        if let Some(fields) = body.as_object_mut() {
            fields.extend([
                ("identity".to_owned(), json!(self.identity)),
                ("reason".to_owned(), json!("I am to summarise the open issues of acme/app")),
                ("step".to_owned(), json!({ "claimed": claimed, "refusal": refusal })),
            ]);
        }
        body
    }
}

struct Answer {
    method: Method,
    path: String,
    status: u16,
    body: Value,
}

fn told(event: &str, answer: &Answer) -> Value {
    json!({
        "event": event, "method": answer.method.as_str(), "path": answer.path,
        "status": answer.status, "body": answer.body,
    })
}

async fn exchange(exeat: &Client, asked: &ApprovalView) -> Result<TokenAnswer, ClientError> {
    let form = TokenForm {
        grant_type: GRANT_TYPE.to_owned(),
        subject_token: asked.id.to_string(),
        subject_token_type: SUBJECT_TOKEN_TYPE.to_owned(),
        requested_token_type: None,
        authorization_details: None,
        expires_in: None,
    };
    exeat.send_form("/oauth/token", &form).await
}
