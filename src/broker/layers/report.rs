//! A layer reports: how uses that it asked for ended, and what it saw in runs of its agents. On record as what it said, never as what
//! Exeat saw; each event once.

use super::super::{Broker, unavailable};
use crate::base::clock::Timestamp;
use crate::base::id::{AgentId, RunId, UseId};
use crate::domain::layer::Layer;
use crate::domain::ledger::Event;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::reported::{Saw, Sighting, UseReport};
use crate::domain::usage::Outcome;
use crate::store::{Noted, OpenUse, Report};

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
        let closed: Vec<UseId> = reports.iter().filter_map(|one| Some(one.closes.as_ref()?.id)).collect();
        let noted = self.parts.store.report(reports).await.map_err(unavailable)?;
        for id in closed {
            let _ = self.cuts.end(id);
        }
        Ok(noted)
    }

    async fn prepared(&self, layer: &Layer, told: Told) -> Result<Report, Problem> {
        let Told { name: (source, id), at, said } = told;
        let found = match said {
            Said::Ended(use_id, outcome) => self.ended(layer, use_id, outcome),
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

    /// The end of a use, if it is under way and this layer's.
    fn ended(&self, layer: &Layer, id: UseId, outcome: Outcome) -> Option<(Option<OpenUse>, Event)> {
        let under_way = self.cuts.find(id).filter(|under_way| under_way.layer == Some(layer.id))?;
        let open = under_way.open(id);
        let OpenUse { token, approval, agent, run, .. } = open;
        let report = UseReport { id, token, approval, agent, run, layer: layer.id, outcome };
        Some((Some(open), Event::UseReported(report)))
    }
}

fn seen(layer: &Layer, (run, agent): (RunId, AgentId), said_at: Option<Timestamp>, saw: Saw) -> Event {
    let (layer, layer_name) = (layer.id, layer.name.clone());
    Event::LayerReported(Sighting { layer, layer_name, run, agent, said_at, saw })
}
