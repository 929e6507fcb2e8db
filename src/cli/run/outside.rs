//! A run, seen from outside: opened in the ledger, walled, watched, closed.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::pipe::{PipeFlags, pipe_with};

use super::Run;
use super::ledger::{Granted, Opened};
use super::preparation::{Preparation, private_file};
use super::supervise::{Lines, Term, supervise};
use super::widen::Widener;
use crate::base::random::{SystemRandomness, bytes};
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{Output, note};
use crate::domain::files::UsedFiles;
use crate::domain::run::EndCause as Cause;
use crate::planes::filesystem::bwrap::{Pins, arguments};
use crate::planes::filesystem::inside::{Inside, PORT, SOCKET, TRUST};
use crate::planes::filesystem::kernel::WHEN_BUILDING_FAILS;
use crate::planes::filesystem::mounts::Texts;
use crate::planes::filesystem::plan::Plan;
use crate::planes::filesystem::plug::Plugs;
use crate::planes::filesystem::trust::{Trust, java_beside};

/// What a run ended with that failed by itself.
const FAILED: u8 = 125;

/// What to do about programs that heed no proxy.
const HEEDLESS: &str =
    "try: have the program use HTTPS_PROXY, or an option of its own for a proxy; nothing else leads out";

/// How a run ended, for the ledger and the shell.
#[derive(Debug)]
pub(super) struct End {
    /// Why.
    pub(super) cause: Cause,
    /// With what.
    pub(super) exit: u8,
    /// Whether the agent was ever started.
    pub(super) started: bool,
    /// How often something inside tried to get out past the proxy.
    pub(super) strays: Option<u32>,
    /// What was seen of its opens, if somebody looked.
    pub(super) files: Option<UsedFiles>,
}

impl End {
    /// The run failed by itself, before there was a shim to say anything.
    const FAILED: Self =
        Self { cause: Cause::ShimCrashed, exit: FAILED, started: false, strays: None, files: None };
}

/// Runs it.
pub(super) async fn run(run: &Run, preparation: Preparation, output: Output) -> Result<Exit, Failure> {
    let mut opened = Opened::open(run, &preparation.plan).await?;
    match walled(run, &preparation, &mut opened).await {
        Ok(end) => {
            if !end.started && preparation.bwrap.is_some() {
                note(&format!("exeat: the walls could not be built\n  try: {WHEN_BUILDING_FAILS}\n"));
            }
            if let Some(count) = end.strays {
                note(&format!(
                    "exeat: something tried to get out past the proxy {count}×, and got nowhere\n  {HEEDLESS}\n"
                ));
            }
            // The command has ended, and that is what the shell is told; that its end is not on record is said beside it.
            let exit = end.exit;
            if let Err(error) = opened.close(end).await {
                output.failure(&error);
            }
            Ok(Exit::Of(exit))
        }
        Err(failure) => {
            opened.close(End::FAILED).await?;
            Err(failure)
        }
    }
}

async fn walled(run: &Run, preparation: &Preparation, opened: &mut Opened) -> Result<End, Failure> {
    let (granted, kept, client) = opened.parts();
    // Exeat's data lies where its certificate does; only now is it known where.
    let data = granted.ca().parent().unwrap_or(granted.ca());
    let forbidden = preparation.forbidden.clone().and(data);
    drop(forbidden.workspace(preparation.plan.workspace())?);
    for path in preparation.plan.read().iter().chain(preparation.plan.written()) {
        drop(forbidden.judge(path, "given to a run")?);
    }
    let (ours, theirs) = Lines::open()?;
    let terminal = super::terminal::is_wanted();
    let inside = preparation.plan.grants(Inside {
        walled: preparation.bwrap.is_some(),
        port: PORT,
        socket: SOCKET.into(),
        trust: TRUST.into(),
        read: Vec::new(),
        write: Vec::new(),
        room: Vec::new(),
        home: PathBuf::new(),
        observed: false,
        guarded: Vec::new(),
        loopback: false,
        terminal,
        limits: preparation.plan.profile().terms().limits,
        status: theirs.status.as_raw_fd(),
        control: theirs.control.as_raw_fd(),
    });
    let trust = Trust::with(granted.ca(), java_is_near(&preparation.plan))?;
    let time = std::time::Duration::from_secs(inside.limits.seconds);
    let made = match &preparation.bwrap {
        Some(bwrap) => Made::walled(run, preparation, granted, bwrap, (inside, trust))?,
        None => Made::open(run, preparation, granted, (inside, trust))?,
    };
    let Made { mut command, pins, _plugs, _files } = made;
    let given = preparation.plan.environment();
    command.env_clear().envs(given).envs(granted.variables(given));
    theirs.hand_on()?;
    let widener = Widener::new(client, granted.id(), preparation, forbidden);
    supervise(command, (ours, theirs), pins, Term { terminal, time, kept, widener }).await
}

/// Whether Java is where the run would look for it.
fn java_is_near(plan: &Plan) -> bool {
    let of = |name: &str| plan.environment().get(OsStr::new(name));
    let found = |path| std::env::split_paths(path).any(|dir| dir.join("java").exists());
    of("JAVA_HOME").is_some() || of("PATH").is_some_and(found)
}

/// The command that starts the shim, and what must stay until it has ended.
struct Made {
    command: Command,
    pins: Option<Pins>,
    _plugs: Plugs,
    _files: Option<PrivateDir>,
}

impl Made {
    fn walled(
        run: &Run,
        preparation: &Preparation,
        granted: &Granted,
        bwrap: &Path,
        (inside, trust): (Inside, Trust),
    ) -> Result<Self, Failure> {
        let plan = &preparation.plan;
        let plugs = Plugs::put(plan.protection())?;
        let walls = serde_json::to_vec(&inside).map_err(|error| Failure::because("no JSON", &error))?;
        let socket = fs::canonicalize(granted.socket())?;
        let mounts = plan.mounts(&preparation.program, &socket, Texts { trust, walls });
        let pins = Pins::open(&mounts)?;
        pins.hand_on()?;
        let mut command = builder(preparation, bwrap);
        command.args(arguments(&mounts, &pins.numbers(), plan.start_in(), &run.command));
        Ok(Self { command, pins: Some(pins), _plugs: plugs, _files: None })
    }

    /// Without walls: the shim, on a port that everybody on this machine can reach.
    fn open(
        run: &Run,
        preparation: &Preparation,
        granted: &Granted,
        (inside, trust): (Inside, Trust),
    ) -> Result<Self, Failure> {
        let files = PrivateDir::make()?;
        let java = trust.java;
        let trust = private_file(&files.0, "ca.pem", &trust.pem)?;
        if let Some(java) = java {
            fs::write(java_beside(&trust), java)?;
        }
        let inside = Inside {
            port: 0,
            socket: granted.socket().to_owned(),
            trust,
            guarded: Vec::new(),
            observed: false,
            ..inside
        };
        let told = serde_json::to_vec(&inside).map_err(|error| Failure::because("no JSON", &error))?;
        let told = private_file(&files.0, "inside.json", &told)?;
        let mut command = Command::new(&preparation.program);
        command.arg("inside").arg(told).arg("--").args(&run.command).current_dir(preparation.plan.start_in());
        Ok(Self { command, pins: None, _plugs: Plugs::default(), _files: Some(files) })
    }
}

/// What builds the walls: bubblewrap, on a ground of its own where more may be opened later.
fn builder(preparation: &Preparation, bwrap: &Path) -> Command {
    if !preparation.plan.profile().terms().files.widen {
        return Command::new(bwrap);
    }
    let mut command = Command::new(&preparation.program);
    command.args(["inside", "--ground", "--"]).arg(bwrap);
    command
}

/// A directory for one run, gone with it.
struct PrivateDir(PathBuf);

impl PrivateDir {
    fn make() -> Result<Self, Failure> {
        let name =
            bytes::<16>(&SystemRandomness::default()).map_err(|error| Failure::because("no name", &error))?;
        let path = std::env::temp_dir().join(format!("exeat-{}", hex::encode(name)));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for PrivateDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The shim's ends of the two lines to it.
#[derive(Debug)]
pub(super) struct Theirs {
    status: OwnedFd,
    control: OwnedFd,
}

impl Theirs {
    /// The next process that is started inherits them.
    fn hand_on(&self) -> Result<(), Failure> {
        for end in [&self.status, &self.control] {
            fcntl_setfd(end, FdFlags::empty()).map_err(std::io::Error::from)?;
        }
        Ok(())
    }
}

impl Lines {
    fn open() -> Result<(Self, Theirs), Failure> {
        let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(std::io::Error::from);
        let ((hears, status), (control, says)) = (pipe()?, pipe()?);
        Ok((Self { hears: fs::File::from(hears), says: fs::File::from(says) }, Theirs { status, control }))
    }
}
