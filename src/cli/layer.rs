//! `exeat layer`: other people's proxies and sandboxes, and what each may do.

use clap::{Args, Subcommand};

use super::failure::{Exit, Failure};
use super::output::{DONE, Output, listed, moment};
use super::settings::ReviewSide;
use crate::base::id::{AgentId, LayerId};
use crate::domain::layer::LayerForm;
use crate::domain::name::Name;
use crate::domain::principal::Label;
use crate::edges::wire::{LayerBody, LayerEnrolled, LayerList, LayerView};

/// Enrol layers, other people's proxies and sandboxes, and say what each may do.
#[derive(Debug, Subcommand)]
pub(crate) enum Layers {
    Add(Add),
    List(List),
    Remove(Remove),
}

/// Enrol a layer. Its key is printed once.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat layer add nginx --form nginx --upstream github --agent agt_018f… --inject
  exeat layer add srt --form forwarded --upstream github --agent agt_018f… --inject
  exeat layer add watcher --form forwarded --agent agt_018f…           it only reports")]
pub(crate) struct Add {
    /// Its name.
    #[arg(value_name = "NAME")]
    name: Label,
    /// How it hands over the request it asks about: nginx, forwarded (Traefik, Caddy, exeat decider) or envoy.
    #[arg(long, value_name = "FORM")]
    form: LayerForm,
    /// An upstream it may ask about; repeat for more. None by default.
    #[arg(long, value_name = "NAME")]
    upstream: Vec<Name>,
    /// An agent whose tokens it may show and on whose runs it may report; repeat for more. None by default.
    #[arg(long, value_name = "agt_…")]
    agent: Vec<AgentId>,
    /// Answer it with the credential, which it then holds.
    #[arg(long)]
    inject: bool,
    /// Seconds until its key stops working.
    #[arg(long, value_name = "SECONDS")]
    expires_in: Option<u32>,
    #[command(flatten)]
    side: ReviewSide,
}

/// List the layers.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  exeat layer list")]
pub(crate) struct List {
    #[command(flatten)]
    side: ReviewSide,
}

/// Remove a layer: its key ends.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  exeat layer remove lay_018f…")]
pub(crate) struct Remove {
    /// The layer.
    #[arg(value_name = "lay_…")]
    layer: LayerId,
    #[command(flatten)]
    side: ReviewSide,
}

impl Layers {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        match self {
            Self::Add(add) => add.run(output).await,
            Self::List(list) => list.run(output).await,
            Self::Remove(remove) => remove.run(output).await,
        }
    }
}

impl Add {
    async fn run(self, output: Output) -> Result<Exit, Failure> {
        let body = LayerBody {
            name: self.name,
            form: self.form,
            upstreams: self.upstream.into_iter().collect(),
            agents: self.agent.into_iter().collect(),
            inject: self.inject,
            expires_in: self.expires_in,
        };
        let added: LayerEnrolled = self.side.client()?.send("/v1/layers", &body).await?;
        output.answer(&added, |page| {
            let layer = &added.layer;
            page.line(format!("layer: {} ({})", layer.name, layer.id));
            page.field("form", layer.form.as_str());
            page.field("may ask about", listed(&layer.upstreams));
            page.field("for agents", listed(&layer.agents));
            page.field("is given", given(layer));
            page.field("key ends", moment(layer.expires_at));
            page.gap();
            page.line("Its key, shown this once; it goes into the header Exeat-Layer-Key:");
            page.line(format!("  EXEAT_LAYER_KEY={}", added.key.reveal()));
        })?;
        DONE
    }
}

impl List {
    async fn run(self, output: Output) -> Result<Exit, Failure> {
        let list: LayerList = self.side.client()?.read("/v1/layers", &[]).await?;
        output.answer(&list, |page| {
            let rows = list.layers.iter().map(row).collect();
            let head =
                ["layer", "name", "form", "may ask about", "for agents", "is given", "key ends", "state"];
            page.table(&head, rows, "no layer yet: exeat layer add NAME --form … --upstream … --agent …");
        })?;
        DONE
    }
}

fn given(layer: &LayerView) -> &'static str {
    if layer.inject { "the credential" } else { "verdicts only" }
}

fn row(layer: &LayerView) -> Vec<String> {
    vec![
        layer.id.to_string(),
        layer.name.to_string(),
        layer.form.as_str().to_owned(),
        listed(&layer.upstreams),
        listed(&layer.agents),
        given(layer).to_owned(),
        moment(layer.expires_at),
        if layer.removed_at.is_some() { "removed" } else { "enrolled" }.to_owned(),
    ]
}

impl Remove {
    async fn run(self, output: Output) -> Result<Exit, Failure> {
        let id = self.layer;
        self.side.client()?.order(&format!("/v1/layers/{id}/remove")).await?;
        output.answer(&serde_json::json!({ "removed": id }), |page| page.line(format!("removed: {id}")))?;
        DONE
    }
}
