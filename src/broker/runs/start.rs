//! A run begins: what starts it is checked, its door opened, and its entry durable, before anybody is told where the door is.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use super::{LiveRun, Progress};
use tokio::sync::Semaphore;

use crate::base::crypto::hash::Digest;
use crate::base::id::RunId;
use crate::broker::request::invalid;
use crate::broker::{Broker, no_randomness, unavailable};
use crate::domain::inert::Inert;
use crate::domain::key::{KeyKind, PlainKey};
use crate::domain::ledger::Event;
use crate::domain::name::Name;
use crate::domain::principal::Agent;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::run::{PathText, Run, RunRecord, Rung, StandIn};
use crate::domain::scope::{Plane, ScopeItem};
use crate::domain::upstream::{Origin, Slot};
use crate::planes::network::proxy::door::DoorError;
use crate::planes::network::proxy::gate::Caller;

/// The most items of one plane, and the most placeholders.
const MAX_ITEMS: usize = 64;
/// The most runs one agent has under way: each has a socket, and a file descriptor for it (J12).
const MOST_RUNS: usize = 64;
/// The longest a run lasts (I8).
const LONGEST_RUN: Duration = Duration::from_hours(24);
/// The longest that a refused request is held, in seconds.
const LONGEST_WAIT: u32 = 120;

/// A run to be started.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// The name of its profile.
    pub profile: Inert<64>,
    /// Where on the ladder.
    pub rung: Rung,
    /// Its workspace.
    pub workspace: Option<PathText>,
    /// Whether it has no walls.
    pub unsafe_no_sandbox: bool,
    /// The files that its profile opens.
    pub filesystem: Vec<Value>,
    /// The hosts that its profile opens.
    pub network: Vec<Value>,
    /// SHA-256 of its command.
    pub command: Option<Digest>,
    /// What it wants placeholders for.
    pub credentials: Vec<StandIn>,
    /// For how many seconds a refused request is held.
    pub wait_seconds: u32,
    /// Whether what starts it will keep it, see [`Broker::keep_run`].
    pub kept: bool,
}

/// A run that has begun.
pub struct StartedRun {
    /// Its id.
    pub id: RunId,
    /// Its socket.
    pub socket: PathBuf,
    /// The root certificate for what is inside.
    pub ca: PathBuf,
    /// Its placeholders, by upstream. They leave once.
    pub placeholders: Vec<(Name, PlainKey)>,
    /// Where one of them is a password: the upstream, an origin of it, and the user name.
    pub passwords: Vec<(Name, Origin, String)>,
}

impl Broker {
    /// Starts a run of `agent`.
    ///
    /// # Errors
    /// A problem that names the field at fault, or says that nothing can be put on record.
    pub async fn start_run(&self, agent: &Agent, new: NewRun) -> Result<StartedRun, Problem> {
        let awaits_keeper = new.kept;
        let run = self.run(agent, new)?;
        let (doors, ca) =
            self.runs.doors.get().ok_or_else(|| no_door("no directory for the sockets of runs"))?;
        let (id, random) = (run.id, self.parts.random.as_ref());
        let mut placeholders = Vec::new();
        for stand_in in &run.stand_ins {
            let key = PlainKey::new(KeyKind::Placeholder, random).map_err(no_randomness)?;
            placeholders.push((stand_in.clone(), key));
        }
        let door = doors.open(Caller::run(agent.id, id), random).map_err(|error| match error {
            DoorError::Random(error) => no_randomness(error),
            error => no_door(&error.to_string()),
        })?;
        let socket = door.socket();
        let event = Event::RunStarted(run.clone());
        let record = RunRecord::started(run.clone());
        self.parts.store.start_run(record, self.entry(event)).await.map_err(unavailable)?;
        let known: HashMap<Digest, StandIn> =
            placeholders.iter().map(|(stand_in, key)| (key.hashed(), stand_in.clone())).collect();
        let state = Mutex::new(Progress {
            rung: run.rung,
            awaits_keeper,
            claim: None,
            claims: (run.began_at, 0),
            held: HashMap::new(),
            granted: None,
            keeper: None,
            files: HashMap::new(),
        });
        self.runs.insert(LiveRun {
            run,
            door,
            placeholders: known,
            exchanging: Semaphore::new(1),
            asking: Semaphore::new(1),
            state,
        });
        let placeholders: Vec<_> =
            placeholders.into_iter().map(|(stand_in, key)| (stand_in.upstream, key)).collect();
        let passwords = self.passwords(placeholders.iter().map(|(upstream, _)| upstream));
        Ok(StartedRun { id, socket, ca: ca.clone(), placeholders, passwords })
    }

    /// Where the upstreams of these names ask for a password of a user who is known.
    fn passwords<'a>(&self, upstreams: impl Iterator<Item = &'a Name>) -> Vec<(Name, Origin, String)> {
        let catalog = self.catalog();
        let mut all = Vec::new();
        for upstream in upstreams.filter_map(|name| catalog.upstream(name)) {
            let Slot::Basic { user } = &upstream.slot else { continue };
            let origins = upstream.origins.iter().filter(|_| !user.is_empty());
            all.extend(origins.map(|origin| (upstream.name.clone(), origin.clone(), user.clone())));
        }
        all
    }

    fn run(&self, agent: &Agent, new: NewRun) -> Result<Run, Problem> {
        if self.runs.of_agent(agent.id).len() >= MOST_RUNS {
            let detail = format!("{MOST_RUNS} runs of this agent are under way. End some.");
            return Err(Problem::new(ProblemKind::RateLimited, detail));
        }
        if new.unsafe_no_sandbox && !self.policy().unsafe_no_sandbox {
            let detail = "Start it with walls, or have an operator set `policy.unsafe_no_sandbox = true`.";
            return Err(Problem::new(ProblemKind::SandboxRequired, detail));
        }
        if new.wait_seconds > LONGEST_WAIT {
            return Err(invalid("/wait_seconds", &format!("at most {LONGEST_WAIT}")));
        }
        let filesystem = items("filesystem", Plane::Filesystem, &new.filesystem)?;
        let network = items("network", Plane::Network, &new.network)?;
        if !network.is_empty() && new.rung < Rung::Networked {
            return Err(invalid("/network", "a run below the rung `networked` starts without hosts"));
        }
        self.check_stand_ins(agent, &new.credentials)?;
        let (clock, random) = (self.parts.clock.as_ref(), self.parts.random.as_ref());
        let id =
            if new.unsafe_no_sandbox { RunId::unwalled(clock, random) } else { RunId::new(clock, random) };
        let began_at = self.now();
        Ok(Run {
            id: id.map_err(no_randomness)?,
            agent: agent.id,
            profile: new.profile,
            rung: new.rung,
            workspace: new.workspace,
            command: new.command,
            filesystem,
            network,
            stand_ins: new.credentials,
            wait_seconds: new.wait_seconds,
            began_at,
            expires_at: began_at.plus(LONGEST_RUN),
        })
    }

    /// Each for an upstream of its own, which the agent may ask for as that identity.
    fn check_stand_ins(&self, agent: &Agent, stand_ins: &[StandIn]) -> Result<(), Problem> {
        let catalog = self.catalog();
        let mut upstreams = BTreeSet::new();
        if stand_ins.len() > MAX_ITEMS {
            return Err(invalid("/credentials", &format!("at most {MAX_ITEMS}")));
        }
        for (index, StandIn { upstream, identity }) in stand_ins.iter().enumerate() {
            let may = agent.identities.contains(identity) && agent.upstreams.contains(upstream);
            if !may || catalog.bound(upstream, identity).is_none() {
                let detail =
                    format!("/credentials/{index}: not an upstream and identity this agent may use.");
                return Err(Problem::new(ProblemKind::ScopeInvalid, detail));
            }
            if !upstreams.insert(upstream) {
                return Err(invalid(&format!("/credentials/{index}"), "one placeholder for each upstream"));
            }
        }
        Ok(())
    }
}

fn items(field: &str, plane: Plane, values: &[Value]) -> Result<Vec<ScopeItem>, Problem> {
    if values.len() > MAX_ITEMS {
        return Err(invalid(&format!("/{field}"), &format!("at most {MAX_ITEMS} items")));
    }
    let item = |(index, value): (usize, &Value)| {
        let place = format!("/{field}/{index}");
        let item = ScopeItem::parse(value)
            .map_err(|error| Problem::new(ProblemKind::ScopeInvalid, format!("{}.", error.under(&place))))?;
        if item.plane() == plane { Ok(item) } else { Err(invalid(&place, "an item of another plane")) }
    };
    values.iter().enumerate().map(item).collect()
}

fn no_door(why: &str) -> Problem {
    tracing::error!(why, "a run has no socket");
    Problem::new(ProblemKind::Internal, format!("The run was not started: {why}."))
}
