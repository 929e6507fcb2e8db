//! A run drawn on a time axis: a lane for each control plane, approvals across all of them, and every mark leads to its entry.

use serde::Deserialize;

use crate::base::clock::Timestamp;
use crate::domain::ledger::Event;
use crate::domain::scope::ScopeItem;
use crate::edges::web::words;
use crate::store::StoredEntry;

/// How wide the drawing is, in its own units.
const WIDTH: i64 = 1000;
/// Of the whole run, a window is so many parts.
const PARTS: i64 = 1000;
/// The narrowest window.
const NARROWEST: i64 = 8;

/// Which part of the run is looked at, in thousandths of it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::edges::web) struct Window {
    #[serde(default)]
    from: i64,
    #[serde(default = "whole")]
    to: i64,
}

const fn whole() -> i64 {
    PARTS
}

impl Window {
    /// One that there is: in the run, and not narrower than can be looked at.
    fn held(self) -> Self {
        let width = (self.to.saturating_sub(self.from)).clamp(NARROWEST, PARTS);
        let from = self.from.clamp(0, PARTS - width);
        Self { from, to: from + width }
    }

    fn between(from: i64, to: i64) -> Self {
        Self { from, to }.held()
    }
}

/// A control plane's lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    Filesystem,
    Network,
    Secrets,
    /// Across all of them.
    All,
}

/// One mark.
pub(super) struct Mark {
    /// Where, from the left.
    pub(super) x: i64,
    /// Where, from above.
    pub(super) y: i64,
    /// `use`, `refused`, `approval`, `climb`, …: how it looks.
    pub(super) kind: &'static str,
    /// What happened and when.
    pub(super) said: String,
    /// Its entry.
    pub(super) index: u64,
    /// Whether it crosses the lanes.
    pub(super) crosses: bool,
}

/// The drawing.
pub(super) struct Axis {
    pub(super) marks: Vec<Mark>,
    pub(super) begins: String,
    pub(super) ends: String,
    pub(super) closer: Window,
    pub(super) wider: Window,
    pub(super) earlier: Window,
    pub(super) later: Window,
    pub(super) is_whole: bool,
}

impl Window {
    /// As a query.
    pub(super) fn query(&self) -> String {
        format!("?from={}&to={}", self.from, self.to)
    }
}

impl Axis {
    pub(super) fn of(entries: &[StoredEntry], window: Window) -> Self {
        let window = window.held();
        let moments = || entries.iter().map(|entry| entry.entry.at.as_micros());
        let (first, last) = (moments().min().unwrap_or(0), moments().max().unwrap_or(0));
        let span = (last - first).max(1);
        let at = |part: i64| first + span.saturating_mul(part) / PARTS;
        let (begins, ends) = (at(window.from), at(window.to).max(at(window.from) + 1));
        let marks = entries.iter().filter_map(|entry| {
            let moment = entry.entry.at.as_micros();
            let (lane, kind, what) = mark(&entry.entry.event)?;
            (begins..=ends).contains(&moment).then(|| Mark {
                x: (moment - begins).saturating_mul(WIDTH) / (ends - begins),
                y: height(lane),
                kind,
                said: format!("{what}, {}", entry.entry.at),
                index: entry.index,
                crosses: lane == Lane::All,
            })
        });
        let half = (window.to - window.from) / 2;
        Self {
            marks: marks.collect(),
            begins: Timestamp::from_micros(begins).to_string(),
            ends: Timestamp::from_micros(ends).to_string(),
            closer: Window::between(window.from + half / 2, window.to - half / 2),
            wider: Window::between(window.from - half, window.to + half),
            earlier: Window::between(window.from - half, window.to - half),
            later: Window::between(window.from + half, window.to + half),
            is_whole: window.to - window.from == PARTS,
        }
    }
}

const fn height(lane: Lane) -> i64 {
    match lane {
        Lane::All => 16,
        Lane::Filesystem => 60,
        Lane::Network => 100,
        Lane::Secrets => 140,
    }
}

/// Where an event is drawn, how, and what is said of it. What belongs to no plane and decides nothing is left out.
fn mark(event: &Event) -> Option<(Lane, &'static str, String)> {
    let items = |items: &[ScopeItem]| items.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    Some(match event {
        Event::RunStarted(run) => (Lane::All, "run", format!("began, {}", run.rung.as_str())),
        Event::RunClimbed { from, to, .. } => {
            (Lane::All, "climb", format!("climbed from {} to {}", from.as_str(), to.as_str()))
        }
        Event::RunEnded { end, .. } => (Lane::All, "run", words::end(*end)),
        Event::Requested { statement, .. } => {
            (Lane::All, "asked", format!("asked for {}", items(&statement.items)))
        }
        Event::Decided { decision, state, .. } => {
            (Lane::All, "approval", format!("{} decided: {state}", decision.name))
        }
        Event::Revoked { .. } => (Lane::All, "refused", "approval ended by a person".to_owned()),
        Event::RunWidened { item, .. } => (Lane::Filesystem, "use", format!("opened {item}")),
        Event::ConnectionOpened(start) => (Lane::Network, "use", format!("connected to {}", start.host)),
        Event::LayerReported(_) => (Lane::Network, "reported", "a layer reported".to_owned()),
        Event::UseStarted(start) => (Lane::Secrets, "use", start.target.clone()),
        Event::UseRefused(refusal) => {
            let lane = if refusal.reason == "host_not_granted" { Lane::Network } else { Lane::Secrets };
            let target = refusal.target.as_deref().unwrap_or("a request");
            (lane, "refused", format!("refused: {target} ({})", refusal.reason))
        }
        _ => return None,
    })
}
