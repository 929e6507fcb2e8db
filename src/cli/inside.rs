//! `exeat inside`: what runs within the walls, before the agent and beside it. Nobody types it.
//!
//! First the shim: it opens the way out, starts the second, sees what it opens, waits for it and says how it ended. The second puts
//! the last walls around itself and becomes the agent. Two more run outside: one makes the ground that the walls stand on and becomes
//! bubblewrap, one widens them later.

mod watching;

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use close_fds::CloseFdsBuilder;
use rustix::process::{DumpableBehavior, Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use self::watching::{Watcher, Watching, broken};
use super::output::note;
use crate::planes::filesystem::ground::become_builder;
use crate::planes::filesystem::inside::{Inside, Status};
use crate::planes::filesystem::opens::TheirLine;
use crate::planes::filesystem::walls::{StartError, become_agent};
use crate::planes::filesystem::widen::carry_out;
use crate::planes::filesystem::{environment, guard, reap, shim, strays};

/// How often the protected paths are looked at.
const WATCH: Duration = Duration::from_millis(500);
/// Nobody could be told anything.
const UNTOLD: u8 = 125;
/// As a shell says it: found, and cannot be run; not found.
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

/// What the command line `exeat inside …` says.
#[derive(Debug)]
pub(super) enum Told<'a> {
    /// The shim, and the process that becomes the agent.
    Within {
        /// For the second: where its line to the shim is.
        last: Option<&'a OsString>,
        file: &'a OsString,
        command: &'a [OsString],
    },
    /// What becomes bubblewrap, on a ground of its own.
    Ground(&'a [OsString]),
    /// What widens a run: its order comes on standard input.
    Widen,
}

/// Whether this is one, and what it says: `exeat inside [--last LINE] FILE -- COMMAND…`, `exeat inside --ground -- COMMAND…`,
/// `exeat inside --widen`.
pub(super) fn told(arguments: &[OsString]) -> Option<Told<'_>> {
    match arguments {
        [_, inside, widen] if inside == "inside" && widen == "--widen" => Some(Told::Widen),
        [_, inside, ground, dashes, command @ ..]
            if inside == "inside" && ground == "--ground" && dashes == "--" =>
        {
            Some(Told::Ground(command))
        }
        [_, inside, last, line, file, dashes, command @ ..]
            if inside == "inside" && last == "--last" && dashes == "--" =>
        {
            Some(Told::Within { last: Some(line), file, command })
        }
        [_, inside, file, dashes, command @ ..] if inside == "inside" && dashes == "--" => {
            Some(Told::Within { last: None, file, command })
        }
        _ => None,
    }
}

/// Does it.
pub(super) fn run(told: Told<'_>) -> ExitCode {
    match told {
        Told::Within { last, file, command } => within(last, file, command),
        Told::Ground(command) => match become_builder(command) {
            Err(error) => failed(&format!("no ground to build walls on: {error}"), UNTOLD),
            Ok(never) => match never {},
        },
        Told::Widen => match widened() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error.to_string(), UNTOLD),
        },
    }
}

fn widened() -> io::Result<()> {
    let outcome = carry_out(&serde_json::from_reader(io::stdin().lock())?);
    serde_json::to_writer(io::stdout().lock(), &outcome).map_err(Into::into)
}

fn within(line: Option<&OsString>, file: &OsString, command: &[OsString]) -> ExitCode {
    let inside = match read(file) {
        Ok(inside) => inside,
        Err(error) => {
            return failed(&format!("cannot read {}: {error}", Path::new(file).display()), UNTOLD);
        }
    };
    if let Some(line) = line {
        return last(&inside, line, command);
    }
    match Shim::start(inside, file, command) {
        Ok(shim) => shim.serve(),
        Err(error) => failed(&error.to_string(), UNTOLD),
    }
}

fn read(file: &OsString) -> io::Result<Inside> {
    Ok(serde_json::from_reader(BufReader::new(File::open(file)?))?)
}

fn last(inside: &Inside, line: &OsString, command: &[OsString]) -> ExitCode {
    let line = match (inside.observed, line.to_str().and_then(|number| number.parse().ok())) {
        (false, _) => None,
        (true, None) => return failed("nobody would see what it opens", UNTOLD),
        (true, Some(number)) => match TheirLine::inherited(number) {
            Ok(line) => Some(line),
            Err(error) => return failed(&format!("nobody would see what it opens: {error}"), UNTOLD),
        },
    };
    match become_agent(inside, line, command) {
        Err(StartError::Command { command, source }) => {
            let code = if source.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { CANNOT_RUN };
            failed(&format!("cannot run {command}: {source}"), code)
        }
        Err(StartError::Wall(error)) => {
            failed(&format!("the walls do not stand: {error}; {}", error.remedy()), UNTOLD)
        }
        Ok(never) => match never {},
    }
}

fn failed(what: &str, code: u8) -> ExitCode {
    note(&format!("exeat: {}\n", super::output::inert(what)));
    ExitCode::from(code)
}

/// The shim, ready to serve.
struct Shim {
    inside: Inside,
    listener: TcpListener,
    status: File,
    control: File,
    agent: std::process::Command,
    watcher: Option<Watcher>,
}

impl Shim {
    /// Keeps what is its own from the agent, and opens the port.
    fn start(inside: Inside, file: &OsString, command: &[OsString]) -> io::Result<Self> {
        // Opened anew: as they were inherited, they would be handed on to the agent.
        let descriptor = |number: i32| format!("/proc/self/fd/{number}");
        let status = OpenOptions::new().write(true).open(descriptor(inside.status))?;
        let control = File::open(descriptor(inside.control))?;
        CloseFdsBuilder::new().cloexecfrom(3);
        rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        if inside.walled {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        } else {
            // It must outlive what started it, to end everything else. It learns of that from the line on which it is told signals.
            reap::adopt()?;
        }
        if inside.walled
            && let Some(path) = guard::lost(&inside.guarded)
        {
            let status = Status::Lost(path.to_owned());
            return Err(io::Error::other(format!("{status:?}: not protected")));
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, inside.port))?;
        let mut agent = std::process::Command::new(std::env::current_exe()?);
        let watcher = Watcher::of(&inside)?;
        let line = watcher.as_ref().map(Watcher::hand_on).transpose()?;
        let line = line.map_or_else(|| "-".to_owned(), |number| number.to_string());
        agent.args(["inside", "--last", &line]).arg(file).arg("--").args(command);
        agent.envs(environment::way_out(listener.local_addr()?.port(), &inside.trust));
        Ok(Self { inside, listener, status, control, agent, watcher })
    }

    fn serve(self) -> ExitCode {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return failed(&error.to_string(), UNTOLD),
        };
        let walled = self.inside.walled;
        let code = runtime.block_on(self.until_the_end()).unwrap_or_else(|error| {
            note(&format!("exeat: {error}\n"));
            UNTOLD
        });
        runtime.shutdown_background();
        if !walled {
            reap::end_all();
        }
        ExitCode::from(code)
    }

    async fn until_the_end(mut self) -> io::Result<u8> {
        let before = self.inside.walled.then(strays::count);
        let mut agent = Command::from(self.agent).kill_on_drop(true).spawn()?;
        let mut watching = self.watcher.map(Watcher::begin).transpose()?;
        say(&mut self.status, &Status::Ready)?;
        shim::serve(self.listener, self.inside.socket)?;
        let mut signals = signals(self.control);
        let mut watch = tokio::time::interval(WATCH);
        loop {
            tokio::select! {
                ended = agent.wait() => {
                    let ended = ended?;
                    told_strays(&mut self.status, before)?;
                    tell(watching.as_ref(), &mut self.status)?;
                    return told_end(&mut self.status, ended);
                }
                why = broken(&mut watching) => {
                    tell(watching.as_ref(), &mut self.status)?;
                    say(&mut self.status, &Status::Unwatched(why))?;
                    return Ok(UNTOLD);
                }
                signal = signals.recv() => match signal {
                    Some(signal) => pass_on(&agent, signal),
                    // Whoever started the run is gone, and the run goes with it.
                    None => return Ok(UNTOLD),
                },
                _ = watch.tick() => if self.inside.walled && let Some(path) = guard::lost(&self.inside.guarded) {
                    tell(watching.as_ref(), &mut self.status)?;
                    say(&mut self.status, &Status::Lost(path.to_owned()))?;
                    return Ok(UNTOLD);
                }
            }
        }
    }
}

/// The signals that are asked for, a byte each, until whoever asks is gone.
fn signals(mut control: File) -> mpsc::Receiver<u8> {
    let (send, receive) = mpsc::channel(8);
    // A thread: it waits in a read for as long as the run lasts.
    drop(std::thread::spawn(move || {
        let mut signal = [0];
        while control.read_exact(&mut signal).is_ok() {
            if send.blocking_send(signal[0]).is_err() {
                return;
            }
        }
    }));
    receive
}

/// What a terminal would send to everything in the foreground goes to the agent's whole group, the rest to the agent.
fn pass_on(agent: &Child, signal: u8) {
    let pid = agent.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let (Some(pid), Some(signal)) = (pid, Signal::from_named_raw(i32::from(signal))) else { return };
    let group = [Signal::INT, Signal::QUIT, Signal::HUP].contains(&signal);
    // Gone already, or on its way: its end is told soon.
    let _ = if group { kill_process_group(pid, signal) } else { kill_process(pid, signal) };
}

/// Without walls the counts are the machine's, and say nothing of the run.
fn told_strays(status: &mut File, before: Option<u64>) -> io::Result<()> {
    let count = before.map_or(0, |before| strays::count().saturating_sub(before));
    if count == 0 {
        return Ok(());
    }
    say(status, &Status::Strays(u32::try_from(count).unwrap_or(u32::MAX)))
}

fn tell(watching: Option<&Watching>, status: &mut File) -> io::Result<()> {
    watching.map_or(Ok(()), |watching| watching.tell(status))
}

fn told_end(status: &mut File, ended: ExitStatus) -> io::Result<u8> {
    let byte = |number: i32| u8::try_from(number).unwrap_or(UNTOLD);
    let (told, code) = match (ended.code(), ended.signal()) {
        (Some(code), _) => (Status::Exited(byte(code)), byte(code)),
        (None, Some(signal)) => (Status::Signalled(byte(signal)), byte(128 + signal)),
        (None, None) => (Status::Failed("it ended in no known way".to_owned()), UNTOLD),
    };
    say(status, &told)?;
    Ok(code)
}

fn say(status: &mut File, what: &Status) -> io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    status.write_all(&line)
}
