//! Settings that several commands share: where Exeat is and with which key to speak to it.
//!
//! The one place where the environment comes in. A key is never taken from the command line, where every process of the
//! machine could read it (E09).

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use crate::domain::upstream::Origin;
use crate::edges::client::{ApiKey, Client, LayerClient};

/// Keys that must come from the environment, and not from the command line.
pub(crate) const ENVIRONMENT_ONLY: [&str; 3] = ["agent_key", "review_key", "layer_key"];

/// How an agent speaks to Exeat.
#[derive(Args, Clone, Debug)]
pub(crate) struct AgentSide {
    /// The agent listener.
    #[arg(
        long,
        env = "EXEAT_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:7331",
        help_heading = "Connection"
    )]
    pub(crate) url: Origin,
    /// The agent's key; set EXEAT_AGENT_KEY.
    #[arg(long, env = "EXEAT_AGENT_KEY", value_name = "KEY", hide_env_values = true, hide = true)]
    pub(crate) agent_key: Option<ApiKey>,
    #[command(flatten)]
    pub(crate) inside: InRun,
}

impl AgentSide {
    /// The client. Inside a run there is no key, and the run's own socket is the way.
    ///
    /// # Errors
    /// When no key is set.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        if self.agent_key.is_none() && self.inside.is_here() {
            return self.inside.client();
        }
        Ok(Client::new(self.url.clone(), Some(self.key()?))?)
    }

    /// The agent's key.
    ///
    /// # Errors
    /// When it is not set.
    pub(crate) fn key(&self) -> Result<&ApiKey, Failure> {
        self.agent_key.as_ref().ok_or_else(|| missing("EXEAT_AGENT_KEY", "exeat agent add NAME"))
    }
}

/// The inside of a run: no key, and the run's own proxy as the only way out. `exeat run` sets both.
#[derive(Args, Clone, Debug)]
pub(crate) struct InRun {
    /// The run this is the inside of.
    #[arg(long, env = "EXEAT_RUN", value_name = "run_…", hide_env_values = true, hide = true)]
    inside_run: Option<String>,
    /// The run's own proxy.
    #[arg(long, env = "HTTP_PROXY", value_name = "URL", hide_env_values = true, hide = true)]
    http_proxy: Option<String>,
}

impl InRun {
    /// Whether this is the inside of a run.
    #[must_use]
    pub(crate) const fn is_here(&self) -> bool {
        self.inside_run.is_some()
    }

    /// The client.
    ///
    /// # Errors
    /// When the proxy of the run is not named.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Ok(Client::inside(self.proxy()?)?)
    }

    /// The proxy of the run.
    ///
    /// # Errors
    /// When it is not named.
    pub(crate) fn proxy(&self) -> Result<&str, Failure> {
        self.http_proxy.as_deref().ok_or_else(|| {
            Failure::new("HTTP_PROXY is not set").with_remedy("leave the environment of the run as it was")
        })
    }

    /// The run, where this is the inside of one.
    #[must_use]
    pub(crate) fn run(&self) -> Option<&str> {
        self.inside_run.as_deref()
    }
}

/// How a layer speaks to Exeat.
#[derive(Args, Clone, Debug)]
pub(crate) struct LayerSide {
    /// The agent listener.
    #[arg(
        long,
        env = "EXEAT_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:7331",
        help_heading = "Connection"
    )]
    pub(crate) url: Origin,
    /// The layer's key; set EXEAT_LAYER_KEY.
    #[arg(long, env = "EXEAT_LAYER_KEY", value_name = "KEY", hide_env_values = true, hide = true)]
    pub(crate) layer_key: Option<ApiKey>,
}

impl LayerSide {
    /// The client.
    ///
    /// # Errors
    /// When no key is set.
    pub(crate) fn client(&self) -> Result<LayerClient, Failure> {
        let key =
            self.layer_key.as_ref().ok_or_else(|| missing("EXEAT_LAYER_KEY", "exeat layer add NAME"))?;
        Ok(LayerClient::new(self.url.clone(), key)?)
    }
}

/// How a person speaks to Exeat.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReviewSide {
    /// The review listener.
    #[arg(
        long,
        env = "EXEAT_REVIEW_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:7332",
        help_heading = "Connection"
    )]
    pub(crate) review_url: Origin,
    /// The person's key; set EXEAT_REVIEW_KEY.
    #[arg(long, env = "EXEAT_REVIEW_KEY", value_name = "KEY", hide_env_values = true, hide = true)]
    pub(crate) review_key: Option<ApiKey>,
}

impl ReviewSide {
    /// The client.
    ///
    /// # Errors
    /// When no key is set.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let made_by = "exeat init` or `exeat person add NAME --role reviewer";
        let key = self.review_key.as_ref().ok_or_else(|| missing("EXEAT_REVIEW_KEY", made_by))?;
        Ok(Client::new(self.review_url.clone(), Some(key))?)
    }
}

/// Where the keys, the database and the certificate authority live.
#[derive(Args, Clone, Debug)]
pub(crate) struct DataDir {
    /// The data directory.
    #[arg(long, env = "EXEAT_DATA_DIR", value_name = "DIR", default_value = "exeat-data")]
    pub(crate) data_dir: PathBuf,
}

fn missing(variable: &str, made_by: &str) -> Failure {
    Failure::usage(format!("{variable} is not set"))
        .with_remedy(format!("export {variable}=… with the key that `{made_by}` printed"))
}
