//! `exeat init`: a new installation.

use clap::Args;
use serde_json::json;

use super::failure::{Exit, Failure};
use super::output::{DONE, Output};
use super::passphrase;
use super::settings::DataDir;
use crate::boot;

/// Make a new installation: keys, certificate authority, database, and the first person.
///
/// Prints that person's review key once. They are operator and reviewer.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat init --data-dir data --person ada
  exeat init --data-dir data --person ada --passphrase     the vault opens only with it
  exeat init --data-dir data --person ada --json | jq -r .review_key")]
pub(crate) struct Init {
    #[command(flatten)]
    dir: DataDir,
    /// The first person's name.
    #[arg(long, value_name = "NAME")]
    person: String,
    /// Ask for a passphrase that the vault's key file opens with; without one, only its file mode protects it.
    #[arg(long)]
    passphrase: bool,
}

impl Init {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let passphrase = if self.passphrase { Some(passphrase::choose()?) } else { None };
        let path = &self.dir.data_dir;
        let made = boot::init(path, &self.person, passphrase)
            .await
            .map_err(|error| Failure::because("nothing was made", &error))?;
        let document = json!({
            "person": made.person,
            "review_key": made.review_key.shown_once(),
            "ca": made.ca,
            "ledger_key": made.ledger_key,
        });
        output.answer(&document, |page| {
            page.line(format!("made: {}", path.display()));
            page.field("person", format!("{} ({}), operator and reviewer", self.person, made.person));
            page.field("agents trust", made.ca.display());
            page.field("log signed by", &made.ledger_key);
            page.gap();
            page.line("Their review key, shown this once:");
            page.line(format!("  export EXEAT_REVIEW_KEY={}", made.review_key.shown_once()));
            page.gap();
            page.line("Next:");
            page.line(format!("  exeat serve --data-dir {}", path.display()));
            page.line("  exeat upstream add NAME --origin https://… --slot bearer");
            page.line("  exeat identity add service:NAME");
            page.line("  exeat credential add --upstream NAME --identity service:NAME");
            page.line("  exeat agent add NAME --identity service:NAME --upstream NAME");
        })?;
        DONE
    }
}
