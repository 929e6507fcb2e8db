//! Everything that can be refused before a run exists.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use super::Run;
use crate::cli::failure::Failure;
use crate::planes::filesystem::place::Forbidden;
use crate::planes::filesystem::plan::{Asked, Plan};
use crate::planes::filesystem::profile::Profile;
use crate::planes::filesystem::{WallError, bwrap, kernel};

/// What a run is made from.
#[derive(Debug)]
pub(super) struct Preparation {
    /// What it is to be.
    pub(super) plan: Plan,
    /// What it may not be given.
    pub(super) forbidden: Forbidden,
    /// This program.
    pub(super) program: PathBuf,
    /// bubblewrap; none without walls.
    pub(super) bwrap: Option<PathBuf>,
}

impl Preparation {
    /// Looks at everything, and changes nothing.
    pub(super) fn of(run: &Run) -> Result<Self, Failure> {
        let bwrap = if run.unsafe_no_sandbox { None } else { Some(builder()?) };
        // It answers while everything else is looked at: starting a program takes longer than that.
        let asked_bwrap = bwrap.as_deref().map(bwrap::Asked::of).transpose()?;
        no_directories()?;
        let profile = Profile::load(&run.profile)?;
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        let home = home.ok_or_else(|| {
            Failure::refused("HOME is not set, so nobody knows what must stay out of the run")
        })?;
        let forbidden = Forbidden::new(&home, std::slice::from_ref(&run.dir.data_dir))?;
        let program = std::env::current_exe()?;
        let asked = Asked {
            workspace: &run.workspace,
            current: &std::env::current_dir()?,
            program: &program,
            environment: std::env::vars_os().collect(),
        };
        let plan = Plan::of(profile, asked, &forbidden)?;
        drop(asked_bwrap.map(bwrap::Asked::version).transpose()?);
        Ok(Self { plan, forbidden, program, bwrap })
    }
}

/// bubblewrap, and a kernel that lets it work.
fn builder() -> Result<PathBuf, WallError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let program = bwrap::found(&std::env::split_paths(&path).collect::<Vec<_>>())?;
    kernel::user_namespaces()?;
    kernel::opens_exactly()?;
    Ok(program)
}

/// An open directory leads out of every wall that is made of mounts.
fn no_directories() -> Result<(), Failure> {
    let streams = [
        ("standard input", rustix::fs::fstat(io::stdin())),
        ("standard output", rustix::fs::fstat(io::stdout())),
        ("standard error", rustix::fs::fstat(io::stderr())),
    ];
    for (name, found) in streams {
        if found.is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Directory) {
            let what = format!("{name} is a directory, through which the command could leave the walls");
            return Err(Failure::refused(what).with_remedy("redirect it from or to a file"));
        }
    }
    Ok(())
}

/// A file inside `dir`, which is its owner's alone.
pub(super) fn private_file(dir: &Path, name: &str, content: &[u8]) -> io::Result<PathBuf> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = dir.join(name);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(content)?;
    Ok(path)
}

impl From<WallError> for Failure {
    fn from(error: WallError) -> Self {
        let told = Self::because("the run was refused", &error);
        Self::refused(told.what()).with_remedy(error.remedy())
    }
}
