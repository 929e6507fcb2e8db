//! What it costs to start a run: against bubblewrap alone with the same mounts, and against another sandbox for agents, in turns.

use std::ffi::OsString;
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use exeat::planes::filesystem::bwrap::{Pins, arguments, found};
use exeat::planes::filesystem::mounts::{Mount, Texts};
use exeat::planes::filesystem::place::Forbidden;
use exeat::planes::filesystem::plan::{Asked, Plan};
use exeat::planes::filesystem::profile::Profile;
use exeat::planes::filesystem::trust::Trust;
use tempfile::TempDir;

use crate::claim::{Found, at_least, at_most, median, millis, note, skipped};
use crate::process::{Exeat, scratch};
use crate::sandbox_runtime::SandboxRuntime;

const PROGRAM: &str = "/bin/true";
/// Starts of each, in turns.
const ROUNDS: usize = 150;
const SLOW_ROUNDS: usize = 15;
/// How many milliseconds a run may take above the walls alone.
const ABOVE: f64 = 10.0;

pub(crate) async fn run() -> Found {
    let data = scratch()?;
    let exeat = Exeat::start(data.path()).await?;
    let desk = Desk::new(&exeat, data.path())?;
    alone(&desk)?;
    other(&desk)
}

/// Against bubblewrap with every namespace of its own and the same mounts, and nothing else.
fn alone(desk: &Desk<'_>) -> Found {
    let walls = desk.walls()?;
    // What is read for the first time is not what is measured.
    for _ in 0..5 {
        desk.once()?;
        walls.once()?;
    }
    let (mut runs, mut alone, mut above, mut sync) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (run, wall) = if round % 2 == 0 {
            (desk.once()?, walls.once()?)
        } else {
            let wall = walls.once()?;
            (desk.once()?, wall)
        };
        runs.push(run);
        alone.push(wall);
        above.push(run - wall);
        if round % 10 == 0 {
            sync.push(crate::uses::one_sync(desk.data)?);
        }
    }
    at_most("exeat run -- /bin/true above bwrap alone", median(&mut above), ABOVE, "ms");
    note("exeat run", median(&mut runs), "ms");
    note("bwrap --unshare-all, the same mounts", median(&mut alone), "ms");
    note("of it on the way to the disk: two syncs, each", median(&mut sync), "ms");
    Ok(())
}

/// Against the sandbox that another tool for agents brings.
fn other(desk: &Desk<'_>) -> Found {
    const CLAIM: &str = "sandbox-runtime to exeat run, /bin/true";
    let other = match SandboxRuntime::install(&desk.workspace) {
        Ok(other) => other,
        Err(error) => {
            skipped(CLAIM, &error.to_string());
            return Ok(());
        }
    };
    let (mut ratio, mut slow) = (Vec::new(), Vec::new());
    for _ in 0..SLOW_ROUNDS {
        let (theirs, ours) = (timed(&mut other.command(PROGRAM))?, desk.once()?);
        ratio.push(theirs / ours);
        slow.push(theirs);
    }
    at_least(CLAIM, median(&mut ratio), 10.0, "x");
    note("sandbox-runtime", median(&mut slow), "ms");
    Ok(())
}

/// Milliseconds from the start of a command to its end.
pub(crate) fn timed(command: &mut Command) -> Found<f64> {
    let began = Instant::now();
    let ended = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    let took = millis(began.elapsed());
    if ended.success() { Ok(took) } else { Err(format!("{command:?}: {ended}").into()) }
}

/// Where runs are started.
struct Desk<'a> {
    exeat: &'a Exeat,
    data: &'a Path,
    home: PathBuf,
    workspace: PathBuf,
    dir: TempDir,
}

impl<'a> Desk<'a> {
    fn new(exeat: &'a Exeat, data: &'a Path) -> Found<Self> {
        let dir = scratch()?;
        let (home, workspace) = (dir.path().join("home"), dir.path().join("work"));
        fs::create_dir(&home)?;
        fs::create_dir(&workspace)?;
        Ok(Self { exeat, data, home, workspace, dir })
    }

    /// A run from its beginning to its end.
    fn once(&self) -> Found<f64> {
        let mut run = self.exeat.command(self.data, &self.home);
        run.args(["run", "--", PROGRAM]).current_dir(&self.workspace);
        timed(&mut run)
    }

    /// The walls that such a run has, without a run.
    fn walls(&self) -> Found<Walls> {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_exeat"));
        let forbidden = Forbidden::new(&self.home, &[])?;
        let asked = Asked {
            workspace: &self.workspace,
            current: &self.workspace,
            program: &program,
            environment: Vec::new(),
        };
        let plan = Plan::of(Profile::load("read-only")?, asked, &forbidden)?;
        let socket = self.dir.path().join("socket");
        let listener = UnixListener::bind(&socket)?;
        let texts = Texts { trust: Trust::with(&self.data.join("ca.pem"), false)?, walls: b"{}".to_vec() };
        let mounts = plan.mounts(&fs::canonicalize(&program)?, &fs::canonicalize(&socket)?, texts);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let bwrap = found(&std::env::split_paths(&path).collect::<Vec<_>>())?;
        Ok(Walls { bwrap, mounts, start_in: plan.start_in().to_owned(), _listener: listener })
    }
}

/// bubblewrap alone.
struct Walls {
    bwrap: PathBuf,
    mounts: Vec<Mount>,
    start_in: PathBuf,
    _listener: UnixListener,
}

impl Walls {
    fn once(&self) -> Found<f64> {
        let pins = Pins::open(&self.mounts)?;
        pins.hand_on()?;
        let line = arguments(&self.mounts, &pins.numbers(), &self.start_in, &[]);
        // The mounts stand between the host name, which is the last of the rest, and the place to start in.
        let mounts = line.iter().skip_while(|word| *word != "--hostname").skip(2);
        let mounts: Vec<&OsString> = mounts.take_while(|word| *word != "--chdir").collect();
        let mut bwrap = Command::new(&self.bwrap);
        timed(bwrap.arg("--unshare-all").args(mounts).args(["--", PROGRAM]).env_clear())
    }
}
