//! The demo's installation: a fresh directory, `exeat init`, `exeat serve`, the verbs called on them, and a desk for the agent.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::process::{Talker, call};
use crate::base::random::{self, SystemRandomness};
use crate::cli::failure::Failure;
use crate::edges::client::{ApiKey, Client};

/// Where the demo lives.
pub(super) struct House {
    root: PathBuf,
    keep: bool,
    serving: Option<Talker>,
    /// The agent, while it runs.
    pub(super) agent: Option<Talker>,
    addresses: Addresses,
    review_key: String,
}

/// Where Exeat listens.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    pub(super) agent: String,
    pub(super) review: String,
    pub(super) proxy: String,
}

impl House {
    /// Makes the directory, for its owner alone: `chosen`, to be kept, or a new one that goes with the demo.
    pub(super) fn build(chosen: Option<&Path>) -> Result<Self, Failure> {
        let root = chosen.map_or_else(fresh, |path| Ok(std::path::absolute(path)?))?;
        DirBuilder::new().mode(0o700).create(&root).map_err(|error| {
            Failure::because(&format!("cannot make {}", root.display()), &error)
                .with_remedy("name a directory that is not there yet")
        })?;
        let (keep, addresses) = (chosen.is_some(), Addresses::default());
        Ok(Self { root, keep, serving: None, agent: None, addresses, review_key: String::new() })
    }

    /// `exeat init`.
    pub(super) async fn init(&mut self, person: &str) -> Result<(), Failure> {
        let made = call(&["init", "--data-dir", &self.path("data"), "--person", person], &[], None).await?;
        self.review_key = text(&made, "review_key")?;
        Ok(())
    }

    /// `exeat serve`, on free ports, until [`House::close`].
    pub(super) async fn serve(&mut self) -> Result<(), Failure> {
        let any = "127.0.0.1:0";
        let data = self.path("data");
        let arguments = [
            ["serve", "--data-dir", &data].as_slice(),
            &["--agent-listen", any, "--review-listen", any, "--proxy-listen", any, "--json"],
        ]
        .concat();
        let serving = self.serving.insert(Talker::start(&arguments, &[], self.root.join("serve.log"))?);
        let ready = serving.next().await?;
        self.addresses = Addresses {
            agent: text(&ready, "agent")?,
            review: text(&ready, "review")?,
            proxy: text(&ready, "proxy")?,
        };
        self.write("review.env", &self.environment_file())
    }

    /// A workspace for the agent, and a home with something in it that is nobody's business.
    pub(super) fn furnish(&self) -> Result<(), Failure> {
        let private = |name: &str| DirBuilder::new().mode(0o700).create(self.root.join(name));
        ["work", "home", "home/.ssh"].into_iter().try_for_each(private)?;
        self.write("work/README.md", "The app of acme.\n")?;
        self.write("home/.ssh/id_ed25519", "a private key would be here\n")
    }

    /// Calls a verb as the demo's person.
    pub(super) async fn call(&self, arguments: &[&str], input: Option<&str>) -> Result<Value, Failure> {
        let environment = [
            ("EXEAT_REVIEW_URL", self.addresses.review.as_str()),
            ("EXEAT_REVIEW_KEY", self.review_key.as_str()),
        ];
        call(arguments, &environment, input).await
    }

    /// A client that speaks as the demo's person.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        Self::speaks(&self.addresses.review, &self.review_key)
    }

    pub(super) const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Asks as the agent itself would outside of any walls, with its key.
    pub(super) fn agent_client(&self, key: &str) -> Result<Client, Failure> {
        Self::speaks(&self.addresses.agent, key)
    }

    fn speaks(origin: &str, key: &str) -> Result<Client, Failure> {
        let bad = |error: &dyn std::error::Error| Failure::because("Exeat did not say where it is", error);
        let origin = origin.parse().map_err(|error| bad(&error))?;
        let key: ApiKey = key.parse().map_err(|error| bad(&error))?;
        Ok(Client::new(origin, Some(&key))?)
    }

    /// The path of something in the directory.
    pub(super) fn path(&self, name: &str) -> String {
        self.root.join(name).display().to_string()
    }

    /// Writes a file into it that only its owner may read.
    pub(super) fn write(&self, name: &str, content: &str) -> Result<(), Failure> {
        use std::io::Write as _;
        let path = self.root.join(name);
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Ok(file.write_all(content.as_bytes())?)
    }

    fn environment_file(&self) -> String {
        let review = &self.addresses.review;
        format!("export EXEAT_REVIEW_URL={review}\nexport EXEAT_REVIEW_KEY={}\n", self.review_key)
    }

    /// Stops what was started, and leaves nothing behind unless it is to be kept.
    pub(super) async fn close(&mut self) {
        for mut child in [self.agent.take(), self.serving.take()].into_iter().flatten() {
            child.stop().await;
        }
        if !self.keep {
            let _ = std::fs::remove_dir_all(&self.root);
        }
    }
}

/// A name that nobody can have put there before.
fn fresh() -> Result<PathBuf, Failure> {
    let name: [u8; 6] = random::bytes(&SystemRandomness::default())
        .map_err(|error| Failure::because("no fresh directory", &error))?;
    Ok(std::env::temp_dir().join(format!("exeat-demo-{}", hex::encode(name))))
}

/// A text member of an answer.
pub(super) fn text(answer: &Value, name: &str) -> Result<String, Failure> {
    let found = answer.get(name).and_then(Value::as_str);
    Ok(found.ok_or_else(|| Failure::new(format!("the answer has no `{name}`")))?.to_owned())
}

/// The member at `pointer` (RFC 6901), or null.
pub(super) fn at<'a>(answer: &'a Value, pointer: &str) -> &'a Value {
    answer.pointer(pointer).unwrap_or(&Value::Null)
}
