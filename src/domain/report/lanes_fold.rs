//! The lanes of a report, folded from entries in the order of the log.

use std::collections::{BTreeMap, HashMap};

use super::files_fold::{Room, account};
use super::fold::Place;
use super::lanes::{Climb, Disagreement, HostRefused, HostUsed, Lanes, NetworkLane, RunAccount, Widening};
use super::reported_fold::ReportedFold;
use crate::base::id::{ConnectionId, RunId};
use crate::domain::connection::ConnectionStart;
use crate::domain::ledger::Event;
use crate::domain::run::Run;
use crate::domain::scope::{NetworkTarget, ScopeItem, Target};
use crate::domain::step::SeenStep;
use crate::domain::usage::UseRefusal;

/// At most this many hosts, refusals and disagreements are listed each; `further` counts the others.
const MAX_LISTED: usize = 200;

/// Why a host was not reached, as refusals of the network lane say it.
const OF_THE_NETWORK: [&str; 10] = [
    "host_not_granted",
    "not_governed",
    "loopback_address",
    "private_address",
    "link_local_address",
    "metadata_address",
    "embedded_address",
    "special_address",
    "own_address",
    "no_longer_granted",
];

/// The lanes while entries are read.
#[derive(Debug, Default)]
pub(super) struct LanesFold {
    lanes: Lanes,
    places: HashMap<RunId, usize>,
    profiles: Vec<ScopeItem>,
    used: BTreeMap<String, HostUsed>,
    refused: BTreeMap<(String, String), HostRefused>,
    open: HashMap<ConnectionId, String>,
    room: Room,
    reported: ReportedFold,
}

impl LanesFold {
    pub(super) fn add(&mut self, place: Place, event: &Event) {
        match event {
            Event::RunStarted(run) => self.began(place, run),
            Event::RunStep { run, .. } => self.run(*run, |run| run.claimed_steps += 1),
            Event::RunClimbed { run, from, to, cause, .. } => {
                let climb =
                    Climb { from: *from, to: *to, cause: cause.clone(), at: place.at, index: place.index };
                self.run(*run, |run| {
                    run.rung = climb.to;
                    run.climbs.push(climb);
                });
            }
            Event::RunWidened { run, approval, item, widened, .. } => {
                let widening = Widening {
                    approval: *approval,
                    item: item.clone(),
                    widened: widened.clone(),
                    at: place.at,
                    index: place.index,
                };
                self.run(*run, |run| run.widenings.push(widening));
            }
            Event::RunEnded { run, end, files, .. } => {
                let mut room = self.room;
                self.run(*run, |run| {
                    (run.end, run.ended_at) = (Some(*end), Some(place.at));
                    run.files = files.as_ref().map(|files| account(run, files, &mut room));
                });
                self.room = room;
            }
            Event::ConnectionOpened(start) => self.opened(place, start),
            Event::ConnectionClosed { connection, host, bytes_up, bytes_down, .. } => {
                if self.open.remove(connection).is_some()
                    && let Some(row) = self.used.get_mut(host)
                {
                    row.unfinished -= 1;
                    row.bytes_up += bytes_up;
                    row.bytes_down += bytes_down;
                }
            }
            Event::UseStarted(start) => self.compare(place, start.id.to_string(), &start.step),
            Event::UseRefused(refusal) => self.refused(place, refusal),
            Event::LayerReported(sighting) => {
                self.lanes.further += u64::from(!self.reported.add(place, sighting));
            }
            _ => {}
        }
    }

    fn began(&mut self, place: Place, run: &Run) {
        self.places.entry(run.id).or_insert(self.lanes.runs.len());
        self.profiles.extend(run.network.iter().cloned());
        self.lanes.runs.push(RunAccount {
            id: run.id,
            agent: run.agent,
            profile: run.profile.clone(),
            walled: !run.id.is_unwalled(),
            began_on: run.rung,
            rung: run.rung,
            climbs: Vec::new(),
            workspace: run.workspace.clone(),
            filesystem: run.filesystem.clone(),
            widenings: Vec::new(),
            files: None,
            claimed_steps: 0,
            began_at: place.at,
            end: None,
            ended_at: None,
            index: place.index,
        });
    }

    /// A run, as far as it was told.
    pub(super) fn seen(&self, id: RunId) -> Option<&RunAccount> {
        self.lanes.runs.get(*self.places.get(&id)?)
    }

    fn run(&mut self, id: RunId, change: impl FnOnce(&mut RunAccount)) {
        let found = self.places.get(&id).and_then(|place| self.lanes.runs.get_mut(*place));
        if let Some(run) = found {
            change(run);
        }
    }

    fn opened(&mut self, place: Place, start: &ConnectionStart) {
        self.compare(place, start.connection.to_string(), &start.step);
        let full = self.used.len() >= MAX_LISTED && !self.used.contains_key(&start.host);
        if full {
            self.lanes.further += 1;
            return;
        }
        let row = self.used.entry(start.host.clone()).or_insert_with(|| HostUsed {
            host: start.host.clone(),
            connections: 0,
            unfinished: 0,
            bytes_up: 0,
            bytes_down: 0,
            first: place.at,
            last: place.at,
        });
        row.connections += 1;
        row.unfinished += 1;
        row.last = place.at;
        drop(self.open.insert(start.connection, start.host.clone()));
    }

    fn refused(&mut self, place: Place, refusal: &UseRefusal) {
        self.compare(place, refusal.id.to_string(), &refusal.step);
        let Some(target) =
            refusal.target.clone().filter(|_| OF_THE_NETWORK.contains(&refusal.reason.as_str()))
        else {
            return;
        };
        let key = (target.clone(), refusal.reason.clone());
        if self.refused.len() >= MAX_LISTED && !self.refused.contains_key(&key) {
            self.lanes.further += 1;
            return;
        }
        let reason = refusal.reason.clone();
        let fresh = HostRefused { target, reason, count: 0, first: place.at, last: place.at };
        let row = self.refused.entry(key).or_insert(fresh);
        row.count += 1;
        row.last = place.at;
    }

    fn compare(&mut self, place: Place, what: String, step: &SeenStep) {
        let (true, Some(claimed), Some(observed)) = (step.disagrees(), &step.claimed, &step.observed) else {
            return;
        };
        if self.lanes.disagreements.len() >= MAX_LISTED {
            self.lanes.further += 1;
            return;
        }
        let (claimed, observed) = (claimed.clone(), observed.clone());
        self.lanes.disagreements.push(Disagreement {
            what,
            claimed,
            observed,
            at: place.at,
            index: place.index,
        });
    }

    /// The lanes; `granted` is what approvals granted in any plane.
    pub(super) fn finish(mut self, granted: &[ScopeItem]) -> Lanes {
        let mut hosts: Vec<String> = self.profiles.iter().chain(granted).flat_map(hosts).collect();
        hosts.sort();
        hosts.dedup();
        let used: Vec<HostUsed> = self.used.into_values().collect();
        let reached: Vec<Target> = used.iter().filter_map(|row| target(&row.host)).collect();
        let never = |host: &&String| {
            let item = ScopeItem::parse(&serde_json::json!({"type": "network", "hosts": [host]}));
            item.is_ok_and(|item| !reached.iter().any(|target| item.allows(target)))
        };
        self.lanes.network = NetworkLane {
            never_used: hosts.iter().filter(never).cloned().collect(),
            granted: hosts,
            used,
            refused: self.refused.into_values().collect(),
        };
        self.lanes.reported = self.reported.finish();
        self.lanes
    }
}

fn hosts(item: &ScopeItem) -> Vec<String> {
    match item {
        ScopeItem::Network(item) => item.hosts().collect(),
        ScopeItem::Http(_) | ScopeItem::Git(_) | ScopeItem::Filesystem(_) => Vec::new(),
    }
}

/// `host:port` as a target.
pub(super) fn target(text: &str) -> Option<Target> {
    let (host, port) = text.rsplit_once(':')?;
    NetworkTarget::new(host, port.parse().ok()?).ok().map(Target::Network)
}
