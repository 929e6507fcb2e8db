//! Opens the files that are granted while a run goes on, tells what came of it, and closes them again.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::order::carried_out;
use super::preparation::Preparation;
use crate::base::id::{ApprovalId, RunId};
use crate::cli::failure::Failure;
use crate::cli::output::inert;
use crate::domain::scope::{Access, FilesystemItem, ScopeItem};
use crate::domain::widening::{Closing, KeeperLine, Widened};
use crate::edges::client::Client;
use crate::edges::wire::FilesBody;
use crate::planes::filesystem::place::Forbidden;
use crate::planes::filesystem::plug::Plugs;
use crate::planes::filesystem::widen::{GRANTED, Order, Outcome, Step};

/// How long writers may take to close what they have open, once it is granted no more.
const GRACE: Duration = Duration::from_secs(2);
/// How often it is tried meanwhile.
const PAUSE: Duration = Duration::from_millis(100);

/// What opens and closes.
pub(super) struct Widener<'a> {
    client: Client,
    run: RunId,
    preparation: &'a Preparation,
    forbidden: Forbidden,
    open: Vec<Opened>,
    /// Names given so far.
    names: u64,
    /// What stands at protected names that were not there; it stays to the end.
    plugs: Vec<Plugs>,
}

/// What is open is not what is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amiss {
    /// Something stays open that is granted no more.
    StaysOpen,
    /// Something was opened in part, and could not be closed again.
    HalfOpen,
}

/// Why an item is not open.
enum NotOpened {
    /// It waits for the next start.
    Later(String),
    /// Part of it may be open.
    Torn,
}

impl<T: Into<String>> From<T> for NotOpened {
    fn from(why: T) -> Self {
        Self::Later(why.into())
    }
}

/// What is open by one item of an approval.
struct Opened {
    approval: ApprovalId,
    index: usize,
    steps: Vec<Step>,
    until: Instant,
}

impl<'a> Widener<'a> {
    /// For a run that is about to start.
    pub(super) const fn new(
        client: Client,
        run: RunId,
        preparation: &'a Preparation,
        forbidden: Forbidden,
    ) -> Self {
        Self { client, run, preparation, forbidden, open: Vec::new(), names: 0, plugs: Vec::new() }
    }

    /// Does what it is told, until nothing more will be said.
    ///
    /// # Errors
    /// When something could not be closed: then the run has to end.
    pub(super) async fn work(
        mut self,
        mut lines: UnboundedReceiver<KeeperLine>,
        builder: Option<u32>,
    ) -> Result<(), Amiss> {
        loop {
            let next = self.open.iter().map(|opened| opened.until).min();
            let done = tokio::select! {
                line = lines.recv() => match line {
                    Some(KeeperLine::Open { approval, items, seconds }) => {
                        self.open_all(approval, &items, Duration::from_secs(seconds), builder).await
                    }
                    Some(KeeperLine::Close { approval, cause }) => {
                        self.close(cause, builder, |opened| opened.approval == approval).await
                    }
                    None => return Ok(()),
                },
                () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    let now = Instant::now();
                    self.close(Closing::Expired, builder, |opened| opened.until <= now).await
                }
            };
            done?;
        }
    }

    /// Opens what it can.
    async fn open_all(
        &mut self,
        approval: ApprovalId,
        items: &[ScopeItem],
        life: Duration,
        builder: Option<u32>,
    ) -> Result<(), Amiss> {
        let until = Instant::now() + life;
        let mut files: Vec<(usize, &FilesystemItem)> = items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| match item {
                ScopeItem::Filesystem(item) => Some((index, item)),
                _ => None,
            })
            .collect();
        let together: Vec<&FilesystemItem> = files.iter().map(|(_, item)| *item).collect();
        // What is written is read at the same place, so it comes first.
        files.sort_by_key(|(_, item)| std::cmp::Reverse(item.access()));
        for (index, item) in files {
            let came_of = match self.open_one((approval, index), item, &together, until, builder).await {
                Ok(at) => Some(opened_at(&at)),
                Err(NotOpened::Later(why)) => later(&why),
                Err(NotOpened::Torn) => return Err(Amiss::HalfOpen),
            };
            if let Some(came_of) = came_of {
                self.tell(approval, index, came_of).await;
            }
        }
        Ok(())
    }

    /// Opens one item; where it shows, or why it is not open.
    async fn open_one(
        &mut self,
        (approval, index): (ApprovalId, usize),
        item: &FilesystemItem,
        together: &[&FilesystemItem],
        until: Instant,
        builder: Option<u32>,
    ) -> Result<Vec<PathBuf>, NotOpened> {
        if self.preparation.bwrap.is_none() {
            return Err("the run has no walls: nothing was closed to it".into());
        }
        if let Some(at) = self.written_at(item) {
            return Ok(at);
        }
        let plan = &self.preparation.plan;
        let mut names = self.names;
        let next = || {
            names += 1;
            names
        };
        let widening = plan
            .widening(&self.forbidden, item, together, next)
            .map_err(|unwidened| unwidened.to_string())?;
        self.names = names;
        if widening.steps.is_empty() {
            return Ok(widening.at);
        }
        let found = builder.and_then(|builder| Order::of(builder, widening.steps.clone()));
        let order = found.ok_or("the run's walls cannot be found")?;
        self.plugs.push(Plugs::put(&widening.protection).map_err(|error| error.to_string())?);
        self.told_opening(approval, index).await?;
        match carried_out(&self.preparation.program, &order).await {
            Outcome::Done { linked } => {
                let at = shown_at(widening.at, &widening.steps, &linked);
                self.open.push(Opened { approval, index, steps: widening.steps, until });
                Ok(at)
            }
            Outcome::Failed(why) => Err(why.into()),
            Outcome::Busy => Err("it is in use".into()),
            Outcome::Torn => Err(NotOpened::Torn),
        }
    }

    /// Where this is open already, for reading and writing, by an item of the same approval.
    fn written_at(&self, item: &FilesystemItem) -> Option<Vec<PathBuf>> {
        if item.access() == Access::Write {
            return None;
        }
        let paths: Vec<PathBuf> =
            item.paths().map(|path| PathBuf::from(path.trim_end_matches("/**"))).collect();
        let written = |path: &PathBuf| {
            self.open.iter().flat_map(|opened| &opened.steps).find_map(|step| match step {
                Step::Grant { from, name, write: true } => {
                    let rest = path.strip_prefix(from).ok()?;
                    Some(PathBuf::from(GRANTED).join(name).join(rest))
                }
                _ => None,
            })
        };
        paths.iter().map(written).collect()
    }

    /// Closes what `which` says, newest first.
    async fn close(
        &mut self,
        cause: Closing,
        builder: Option<u32>,
        which: impl Fn(&Opened) -> bool,
    ) -> Result<(), Amiss> {
        let (ended, kept): (Vec<Opened>, Vec<Opened>) =
            std::mem::take(&mut self.open).into_iter().partition(which);
        self.open = kept;
        for opened in ended.into_iter().rev() {
            // What another grant holds open as well stays open with it.
            let shared = |step: &Step| {
                matches!(step, Step::Unseal { .. })
                    && self.open.iter().any(|other| other.steps.contains(step))
            };
            let steps = opened.steps.iter().rev().filter(|step| !is_protection(step) && !shared(step));
            let steps = steps.filter_map(Step::undone).collect();
            if !self.closed(builder, steps).await {
                return Err(Amiss::StaysOpen);
            }
            self.tell(opened.approval, opened.index, Widened::Closed { cause }).await;
        }
        Ok(())
    }

    async fn closed(&self, builder: Option<u32>, steps: Vec<Step>) -> bool {
        let end = Instant::now() + GRACE;
        loop {
            // Nothing stands any more: the command has ended, and with it what was open.
            let order = || builder.and_then(|builder| Order::of(builder, steps.clone()));
            let Some(now) = order() else { return true };
            match carried_out(&self.preparation.program, &now).await {
                Outcome::Done { .. } => return true,
                Outcome::Busy if Instant::now() < end => tokio::time::sleep(PAUSE).await,
                _ => return order().is_none(),
            }
        }
    }

    /// The broker has to know of it, and agree, before anything is opened.
    async fn told_opening(&self, approval: ApprovalId, index: usize) -> Result<(), String> {
        let body = FilesBody { approval, index, widened: None };
        self.client.tell(&self.path(), &body).await.map_err(|error| Failure::from(error).what().to_owned())
    }

    async fn tell(&self, approval: ApprovalId, index: usize, widened: Widened) {
        let body = FilesBody { approval, index, widened: Some(widened) };
        if let Err(error) = self.client.tell(&self.path(), &body).await {
            tracing::debug!(%error, "what came of granted files is not on record");
        }
    }

    fn path(&self) -> String {
        format!("/v1/runs/{}/files", self.run)
    }
}

/// Protection that was put up stays, when what it protects from is closed again.
fn is_protection(step: &Step) -> bool {
    matches!(step, Step::Cover { write: false, .. })
}

fn shown_at(mut at: Vec<PathBuf>, steps: &[Step], linked: &[PathBuf]) -> Vec<PathBuf> {
    for place in &mut at {
        let granted = steps.iter().find_map(|step| match step {
            Step::Grant { from, name, .. } if *place == PathBuf::from(GRANTED).join(name) => Some(from),
            _ => None,
        });
        if let Some(from) = granted.filter(|from| linked.contains(from)) {
            place.clone_from(from);
        }
    }
    at
}

fn opened_at(at: &[PathBuf]) -> Widened {
    let at = at.iter().filter_map(|path| inert(&path.to_string_lossy()).parse().ok()).collect();
    Widened::Open { at }
}

fn later(why: &str) -> Option<Widened> {
    let short: String = inert(why).chars().take(400).collect();
    let reason = [short.as_str(), "it could not be opened"].iter().find_map(|text| text.parse().ok());
    reason.map(|reason| Widened::NextStart { reason })
}
