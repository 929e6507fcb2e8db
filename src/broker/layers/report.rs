//! A layer reports: how uses that it asked for ended, and what it saw in runs of its agents. On record as what it said, never as what
//! Exeat saw; each event once.

use super::super::{Broker, unavailable};
use crate::base::clock::Timestamp;
use crate::base::id::{AgentId, RunId, UseId};
use crate::domain::layer::Layer;
use crate::domain::ledger::Event;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::reported::{Saw, Sighting, UseReport};
use crate::domain::usage::{Outcome, UseStart};
use crate::store::{EntryQuery, Noted, OpenUse, Report};

/// One event of a layer.
#[derive(Clone, Debug)]
pub struct Told {
    /// Where it comes from, and what it is called there: said twice, it is one event.
    pub name: (String, String),
    /// When, by the layer's own clock.
    pub at: Option<Timestamp>,
    /// What.
    pub said: Said,
}

/// What a layer can say.
#[derive(Clone, Debug)]
pub enum Said {
    /// How a use ended that it had asked for.
    Ended(UseId, Outcome),
    /// What it saw in a run.
    Saw(RunId, Saw),
}

impl Broker {
    /// Puts on record what a layer reports, and gives, in the order of the events, what became of each. A use or a run that the layer may
    /// not speak of is `Unknown`, as one that is not there.
    ///
    /// # Errors
    /// `rate_limited`; when nothing can be put on record.
    pub async fn report_of(&self, layer: &Layer, told: Vec<Told>) -> Result<Vec<Noted>, Problem> {
        if !self.reports.admits(layer.id, told.len(), self.now()) {
            let detail = "Only so many events of a layer are put on record a minute. Send these again later.";
            return Err(Problem::new(ProblemKind::RateLimited, detail));
        }
        let mut reports = Vec::with_capacity(told.len());
        for one in told {
            reports.push(self.prepared(layer, one).await?);
        }
        self.parts.store.report(reports).await.map_err(unavailable)
    }

    async fn prepared(&self, layer: &Layer, told: Told) -> Result<Report, Problem> {
        let Told { name: (source, id), at, said } = told;
        let found = match said {
            Said::Ended(use_id, outcome) => self.ended(layer, use_id, outcome).await?,
            Said::Saw(run, saw) => {
                let record = self.parts.store.run(run).await.map_err(unavailable)?;
                let agent =
                    record.map(|record| record.run.agent).filter(|agent| layer.agents.contains(agent));
                agent.map(|agent| (None, seen(layer, (run, agent), at, saw)))
            }
        };
        let (closes, event) = found.map_or((None, None), |(closes, event)| (closes, Some(event)));
        let entry = event.map(|event| self.entry(event));
        Ok(Report { layer: layer.id, source, id, closes, entry })
    }

    /// The end of a use, if this layer had asked for it. Whether it is still open is known when it is closed.
    async fn ended(
        &self,
        layer: &Layer,
        id: UseId,
        outcome: Outcome,
    ) -> Result<Option<(Option<OpenUse>, Event)>, Problem> {
        let event = Some("use_started".to_owned());
        let query = EntryQuery { usage: Some(id), event, limit: 1, ..EntryQuery::default() };
        let found = self.parts.store.entries(query).await.map_err(unavailable)?.pop();
        let Some(Event::UseStarted(start)) = found.map(|found| found.entry.event) else { return Ok(None) };
        if start.via.map(|via| via.layer) != Some(layer.id) {
            return Ok(None);
        }
        let UseStart { token, approval, agent, run, at, .. } = start;
        let open = OpenUse { id, at, approval, token, agent, run };
        let report = UseReport { id, token, approval, agent, run, layer: layer.id, outcome };
        Ok(Some((Some(open), Event::UseReported(report))))
    }
}

fn seen(layer: &Layer, (run, agent): (RunId, AgentId), said_at: Option<Timestamp>, saw: Saw) -> Event {
    let (layer, layer_name) = (layer.id, layer.name.clone());
    Event::LayerReported(Sighting { layer, layer_name, run, agent, said_at, saw })
}
