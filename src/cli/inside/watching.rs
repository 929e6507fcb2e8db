//! What the shim sees of the files that the agent opens: a thread of its own hears of each, and the shim tells of all at the end.

use std::fs::File;
use std::io;
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use crate::planes::filesystem::inside::{Inside, Status};
use crate::planes::filesystem::opens::{Granted, Line, Seen, TheirLine, watch};

/// Ready to watch, before there is an agent.
pub(super) struct Watcher {
    line: Line,
    theirs: TheirLine,
    granted: Granted,
}

impl Watcher {
    /// One for an agent that is to be watched.
    pub(super) fn of(inside: &Inside) -> io::Result<Option<Self>> {
        if !(inside.walled && inside.observed) {
            return Ok(None);
        }
        let (line, theirs) = Line::open()?;
        Ok(Some(Self { line, theirs, granted: Granted::of(inside) }))
    }

    /// The number by which the process that is started next finds its end of the line.
    pub(super) fn hand_on(&self) -> io::Result<RawFd> {
        self.theirs.hand_on()
    }

    /// Watches, once the agent was started.
    pub(super) fn begin(self) -> io::Result<Watching> {
        let Self { line, theirs, granted } = self;
        // With this end open here, that of the agent would not be noticed.
        drop(theirs);
        let (tell, broken) = oneshot::channel();
        let seen = Arc::new(Mutex::new(Seen::new(granted)));
        let shared = Arc::clone(&seen);
        let watching = move || match line.listener()? {
            Some(listener) => watch(listener, &shared),
            None => Ok(()),
        };
        drop(thread::Builder::new().name("opens".to_owned()).spawn(move || tell.send(watching()))?);
        Ok(Watching { seen, broken: Some(broken) })
    }
}

/// What is being seen.
pub(super) struct Watching {
    seen: Arc<Mutex<Seen>>,
    broken: Option<oneshot::Receiver<io::Result<()>>>,
}

impl Watching {
    /// Resolves, with the reason, when watching went wrong. That nobody is left to be watched is right: then it never does.
    pub(super) async fn broken(&mut self) -> String {
        if let Some(broken) = &mut self.broken {
            let ended = broken.await;
            self.broken = None;
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error.to_string(),
                Err(_) => return "the watcher is gone".to_owned(),
            }
        }
        std::future::pending().await
    }

    /// Tells it.
    pub(super) fn tell(&self, status: &mut File) -> io::Result<()> {
        let used = self.seen.lock().unwrap_or_else(PoisonError::into_inner).folded();
        super::say(status, &Status::Used(used))
    }
}

/// As [`Watching::broken`], where nobody is watched too.
pub(super) async fn broken(watching: &mut Option<Watching>) -> String {
    match watching {
        Some(watching) => watching.broken().await,
        None => std::future::pending().await,
    }
}
