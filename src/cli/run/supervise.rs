//! Watches a run: passes signals on, keeps its time, hears from the shim how it ended.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::due::{Due, has_to_end};
use super::ledger::Kept;
use super::outside::{End, Theirs};
use super::relay;
use super::terminal::Terminal;
use super::widen::Widener;
use crate::cli::failure::Failure;
use crate::cli::output::note;
use crate::domain::files::UsedFiles;
use crate::domain::run::EndCause as Cause;
use crate::planes::filesystem::bwrap::Pins;
use crate::planes::filesystem::inside::Status;

/// How long a command may take to end once it has to.
const GRACE: Duration = Duration::from_secs(5);
/// What timeout(1) ends with, and what fails by itself.
const TIMED_OUT: u8 = 124;
const FAILED: u8 = 125;
/// Signals that say the program went wrong: ILL, TRAP, ABRT, BUS, FPE, SEGV, SYS.
const CRASHES: [u8; 7] = [4, 5, 6, 7, 8, 11, 31];

/// The two lines to the shim.
#[derive(Debug)]
pub(super) struct Lines {
    /// From it.
    pub(super) hears: File,
    /// To it.
    pub(super) says: File,
}

/// On what terms a command runs.
pub(super) struct Term<'a> {
    /// Whether it has a terminal of its own.
    pub(super) terminal: bool,
    /// How long at most.
    pub(super) time: Duration,
    /// What says that the run goes on for the broker.
    pub(super) kept: &'a mut Kept,
    /// What opens files that are granted meanwhile.
    pub(super) widener: Widener<'a>,
}

/// Starts `command` and stays until everything it started has ended.
pub(super) async fn supervise(
    mut command: Command,
    (ours, theirs): (Lines, Theirs),
    pins: Option<Pins>,
    Term { terminal, time, kept, widener }: Term<'_>,
) -> Result<End, Failure> {
    let mut signals = Signals::heard()?;
    let streams = Streams::of(terminal, &mut command)?;
    // In a group of its own: what a terminal sends to this one would end bubblewrap, and the agent could not answer it.
    command.process_group(0);
    let mut command = tokio::process::Command::from(command);
    let mut child = command.kill_on_drop(true).spawn()?;
    // Whatever was for the child is the child's alone now.
    drop((command, theirs, pins));
    let mut says = ours.says;
    let mut told = heard(ours.hears);
    let (mut passed, mut heard_of) = (BTreeSet::new(), Heard::default());
    let mut due = None;
    let deadline = tokio::time::sleep(time);
    let (orders, lines) = mpsc::unbounded_channel();
    let widening = widener.work(lines, child.id());
    tokio::pin!(deadline, widening);
    loop {
        tokio::select! {
            ended = child.wait() => { ended?; break; }
            status = told.recv(), if !told.is_closed() => heard_of.note(status),
            why = has_to_end(&mut deadline, (kept, &orders), (&mut widening, heard_of.started), due) => {
                if due.is_some() {
                    child.start_kill()?;
                } else {
                    note(why.said());
                    let _ = says.write_all(&[15]);
                }
                due = due.or(Some(why));
                deadline.as_mut().reset(tokio::time::Instant::now() + GRACE);
            }
            number = signals.next() => match number {
                WINDOW => streams.resize(),
                number => { let _ = says.write_all(&[number]); passed.insert(number); }
            }
        }
    }
    // What is being closed, or told of, is brought to its end.
    drop(orders);
    if heard_of.started && !matches!(due, Some(Due::Amiss(_))) {
        drop(tokio::time::timeout(GRACE, widening).await);
    }
    while let Some(status) = told.recv().await {
        heard_of.note(Some(status));
    }
    streams.drain();
    let Heard { started, strays, files, last } = heard_of;
    let (cause, exit) = end(last, &passed, due);
    Ok(End { cause, exit, started, strays, files })
}

/// The cause, and the exit code.
fn end(last: Option<Status>, passed: &BTreeSet<u8>, due: Option<Due>) -> (Cause, u8) {
    match last {
        _ if due == Some(Due::TimeUp) => (Cause::Timeout, TIMED_OUT),
        Some(Status::Exited(code)) => (Cause::Exited, code),
        Some(Status::Signalled(number)) => {
            let cause = match number {
                number if passed.contains(&number) => Cause::Interrupted,
                number if CRASHES.contains(&number) => Cause::AgentCrashed,
                _ => Cause::Signalled,
            };
            (cause, number.saturating_add(128))
        }
        Some(Status::Lost(path)) => {
            let path = crate::cli::output::inert(&path.to_string_lossy());
            note(&format!(
                "exeat: {path} was replaced from outside and is no longer protected; the run was ended\n"
            ));
            (Cause::ShimCrashed, FAILED)
        }
        Some(Status::Unwatched(why)) => {
            let why = crate::cli::output::inert(&why);
            note(&format!(
                "exeat: the run was ended, because what it opens could not be seen any more: {why}\n"
            ));
            (Cause::ShimCrashed, FAILED)
        }
        Some(Status::Failed(_) | Status::Ready | Status::Strays(_) | Status::Used(_)) | None => {
            (Cause::ShimCrashed, FAILED)
        }
    }
}

/// What the shim has said so far.
#[derive(Default)]
struct Heard {
    started: bool,
    strays: Option<u32>,
    files: Option<UsedFiles>,
    last: Option<Status>,
}

impl Heard {
    fn note(&mut self, status: Option<Status>) {
        match status {
            Some(Status::Ready) => self.started = true,
            Some(Status::Strays(count)) => self.strays = Some(count),
            Some(Status::Used(files)) => self.files = Some(files),
            Some(status) => self.last = Some(status),
            None => {}
        }
    }
}

/// What the shim says, line by line, until it is gone.
fn heard(from: File) -> mpsc::Receiver<Status> {
    let (send, receive) = mpsc::channel(8);
    drop(std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let status = serde_json::from_str(&line).unwrap_or(Status::Failed(line));
            if send.blocking_send(status).is_err() {
                return;
            }
        }
    }));
    receive
}

/// The number of SIGWINCH.
const WINDOW: u8 = 28;

/// Signals that are passed on.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    quit: Signal,
    first: Signal,
    second: Signal,
    window: Signal,
}

impl Signals {
    fn heard() -> Result<Self, Failure> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
            first: signal(SignalKind::user_defined1())?,
            second: signal(SignalKind::user_defined2())?,
            window: signal(SignalKind::window_change())?,
        })
    }

    /// The number of the next one.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
            _ = self.hangup.recv() => 1,
            _ = self.quit.recv() => 3,
            _ = self.first.recv() => 10,
            _ = self.second.recv() => 12,
            _ = self.window.recv() => WINDOW,
        }
    }
}

/// Where the command's three streams lead.
enum Streams {
    Terminal(Terminal),
    Plain(Vec<JoinHandle<()>>),
}

impl Streams {
    fn of(terminal: bool, command: &mut Command) -> Result<Self, Failure> {
        if terminal {
            let (terminal, [stdin, stdout, stderr]) = Terminal::open()?;
            command.stdin(stdin).stdout(stdout).stderr(stderr);
            return Ok(Self::Terminal(terminal));
        }
        let mut copies = Vec::new();
        if io::stdin().is_terminal() {
            command.stdin(relay::into(io::stdin())?);
        }
        if io::stdout().is_terminal() {
            command.stdout(kept(relay::out(io::stdout())?, &mut copies));
        }
        if io::stderr().is_terminal() {
            command.stderr(kept(relay::out(io::stderr())?, &mut copies));
        }
        Ok(Self::Plain(copies))
    }

    fn resize(&self) {
        if let Self::Terminal(terminal) = self {
            terminal.resize();
        }
    }

    /// Waits until everything that was printed has arrived.
    fn drain(self) {
        match self {
            Self::Terminal(mut terminal) => terminal.drain(),
            Self::Plain(copies) => copies.into_iter().for_each(|copy| drop(copy.join())),
        }
    }
}

fn kept((stream, copy): (Stdio, JoinHandle<()>), copies: &mut Vec<JoinHandle<()>>) -> Stdio {
    copies.push(copy);
    stream
}
