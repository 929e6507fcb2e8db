//! `exeat upstream`: the systems that are reached with a credential.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ipnet::IpNet;

use super::failure::{Exit, Failure};
use super::output::{DONE, Output, Page, listed};
use super::settings::ReviewSide;
use crate::domain::name::Name;
use crate::domain::upstream::{Cookies, Origin, Slot};
use crate::edges::wire::{SecretText, UpstreamBody, UpstreamList, UpstreamView};

/// Define the systems that are reached with a credential.
#[derive(Debug, Subcommand)]
pub(crate) enum Upstream {
    Add(Add),
    List(List),
}

/// Define an upstream, or redefine it; approvals for an older definition become stale.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat upstream add github --origin https://api.github.com --slot bearer
  exeat upstream add registry --origin https://npm.internal:8443 --slot basic:ci --ca ca.pem --allow-address 10.20.0.0/16
  exeat upstream add weather --origin https://api.weather.example --slot query:appid
  exeat upstream add bank --origin https://api.bank.example --slot bearer --client-certificate exeat.pem --client-key exeat-key.pem")]
pub(crate) struct Add {
    /// Its name: what scope items say.
    #[arg(value_name = "NAME")]
    name: Name,
    /// Where it answers, https://host or https://host:port; repeat for more.
    #[arg(long, value_name = "ORIGIN", required = true)]
    origin: Vec<Origin>,
    /// Where the credential goes: bearer, basic:USER, header:NAME or query:NAME.
    #[arg(long, value_name = "SLOT")]
    slot: Slot,
    /// Roots to trust there instead of the system's, as a PEM file.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The certificate to show it where it asks for one (mutual TLS), and those that vouch for it, as a PEM file.
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_certificate: Option<PathBuf>,
    /// The private key of that certificate, as a PEM file without a passphrase; Exeat seals a copy.
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    client_key: Option<PathBuf>,
    /// A private address range it may be reached at; repeat for more.
    #[arg(long, value_name = "CIDR")]
    allow_address: Vec<IpNet>,
    /// What becomes of the cookies that it sets: drop, or pass them on to the agent.
    #[arg(long, value_name = "WHAT", default_value_t)]
    cookies: Cookies,
    #[command(flatten)]
    side: ReviewSide,
}

/// List the upstreams.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  exeat upstream list --json")]
pub(crate) struct List {
    #[command(flatten)]
    side: ReviewSide,
}

impl Upstream {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        match self {
            Self::Add(add) => add.run(output).await,
            Self::List(list) => list.run(output).await,
        }
    }
}

impl Add {
    async fn run(self, output: Output) -> Result<Exit, Failure> {
        let read = |file: &PathBuf| {
            std::fs::read_to_string(file)
                .map_err(|error| Failure::because(&format!("cannot read {}", file.display()), &error))
        };
        let body = UpstreamBody {
            name: self.name,
            origins: self.origin,
            slot: self.slot,
            ca_pem: self.ca.as_ref().map(read).transpose()?,
            client_certificate: self.client_certificate.as_ref().map(read).transpose()?,
            client_key: self.client_key.as_ref().map(read).transpose()?.map(SecretText::new),
            allow_addresses: self.allow_address,
            cookies: self.cookies,
        };
        let added: UpstreamView = self.side.client()?.send("/v1/upstreams", &body).await?;
        output.answer(&added, |page| told(page, &added))?;
        DONE
    }
}

fn told(page: &mut Page, upstream: &UpstreamView) {
    page.line(format!("upstream: {} ({}), version {}", upstream.name, upstream.id, upstream.version));
    page.field("answers at", listed(&upstream.origins));
    page.field("credential", format!("goes to {}", upstream.slot));
    if upstream.client_certificate.is_some() {
        page.field("is shown", "a client certificate".to_owned());
    }
    if !upstream.allow_addresses.is_empty() {
        page.field("may be at", listed(&upstream.allow_addresses));
    }
    if !upstream.cookies.are_dropped() {
        page.field("cookies", "are passed on to the agent".to_owned());
    }
    page.field("next", format!("exeat credential add --upstream {} --identity service:NAME", upstream.name));
}

impl List {
    async fn run(self, output: Output) -> Result<Exit, Failure> {
        let list: UpstreamList = self.side.client()?.read("/v1/upstreams", &[]).await?;
        output.answer(&list, |page| {
            let rows = list.upstreams.iter().map(row).collect();
            let head = ["upstream", "id", "version", "answers at", "slot", "private addresses", "cookies"];
            page.table(
                &head,
                rows,
                "no upstream yet: exeat upstream add NAME --origin https://… --slot bearer",
            );
        })?;
        DONE
    }
}

fn row(upstream: &UpstreamView) -> Vec<String> {
    vec![
        upstream.name.to_string(),
        upstream.id.to_string(),
        upstream.version.to_string(),
        listed(&upstream.origins),
        upstream.slot.to_string(),
        listed(&upstream.allow_addresses),
        upstream.cookies.to_string(),
    ]
}
