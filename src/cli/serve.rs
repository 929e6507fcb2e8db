//! `exeat serve`: the broker.

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;

use clap::Args;
use serde_json::json;

use super::failure::{Exit, Failure};
use super::output::{DONE, Output, note};
use super::passphrase;
use super::settings::DataDir;
use crate::boot::{self, ListenOn};

/// Serve: agents ask on one listener, people decide on another, requests go out through the third.
///
/// Prints one line when it is ready. Ends on SIGINT or SIGTERM, after what is under way.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat serve --data-dir data
  exeat serve --data-dir data --agent-listen 127.0.0.1:0 --review-listen 127.0.0.1:0 --proxy-listen 127.0.0.1:0 --json")]
pub(crate) struct Serve {
    #[command(flatten)]
    dir: DataDir,
    /// Where agents ask; port 0 picks a free one. The settings say 127.0.0.1:7331.
    #[arg(long, value_name = "ADDRESS")]
    agent_listen: Option<SocketAddr>,
    /// Where people decide. The settings say 127.0.0.1:7332.
    #[arg(long, value_name = "ADDRESS")]
    review_listen: Option<SocketAddr>,
    /// Where agents' requests go out. The settings say 127.0.0.1:7333.
    #[arg(long, value_name = "ADDRESS")]
    proxy_listen: Option<SocketAddr>,
}

impl Serve {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let path = &self.dir.data_dir;
        let on = ListenOn { agent: self.agent_listen, review: self.review_listen, proxy: self.proxy_listen };
        let passphrase = passphrase::existing(path)?;
        let serving = boot::serve(path, on, passphrase)
            .await
            .map_err(|error| Failure::because("Exeat did not start", &error))?;
        let ready = &serving.ready;
        let url = |address: SocketAddr| format!("http://{address}");
        let (agent, review, proxy) = (url(ready.agent), url(ready.review), url(ready.proxy));
        let line =
            json!({ "event": "ready", "agent": agent, "review": review, "proxy": proxy, "ca": ready.ca });
        output.answer(&line, |page| {
            page.line(format!(
                "ready: agents ask at {agent}, people decide at {review}, requests go out through {proxy}"
            ));
        })?;
        if io::stdout().is_terminal()
            && let Some(link) = serving.login_link()
        {
            note(&format!("sign in on the pages, once, within ten minutes: {}", *link));
        }
        serving.until_stopped().await;
        DONE
    }
}
