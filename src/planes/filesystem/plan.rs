//! The plan of a run: the profile, held against this machine. Making one changes nothing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::WallError;
use super::environment::given;
use super::inside::Inside;
use super::mounts::{Ground, Mount, Texts, mounts};
use super::place::{Forbidden, keep_apart};
use super::profile::{Access, Profile};
use super::protect::Protection;
use super::widen::room;

/// What a run is to be.
#[derive(Clone, Debug)]
pub struct Plan {
    profile: Profile,
    workspace: PathBuf,
    start_in: PathBuf,
    home: PathBuf,
    read: Vec<PathBuf>,
    write: Vec<PathBuf>,
    protection: Protection,
    never_written: Vec<PathBuf>,
    environment: BTreeMap<OsString, OsString>,
}

/// Where a run is asked for.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The workspace, as it was typed.
    pub workspace: &'a Path,
    /// Where the caller stands.
    pub current: &'a Path,
    /// The program that is running, and will be the shim.
    pub program: &'a Path,
    /// The variables outside.
    pub environment: Vec<(OsString, OsString)>,
}

impl Plan {
    /// Holds the profile against this machine.
    ///
    /// # Errors
    /// When a path is not there or may not be given, or a protected path cannot be protected.
    pub fn of(profile: Profile, asked: Asked<'_>, forbidden: &Forbidden) -> Result<Self, WallError> {
        let terms = profile.terms();
        let workspace = forbidden.workspace(asked.workspace)?;
        for (index, path) in terms.files.system.iter().enumerate().filter(|(_, path)| path.exists()) {
            let judged = forbidden.judge(path, "shown to a run");
            drop(judged.map_err(|error| error.of_field("files.system", index))?);
        }
        let real = |paths: &[PathBuf], field, role| -> Result<Vec<PathBuf>, WallError> {
            let one = |(index, path): (usize, &PathBuf)| {
                forbidden.judge(path, role).map_err(|error| error.of_field(field, index))
            };
            paths.iter().enumerate().map(one).collect()
        };
        let read = real(&terms.files.read, "files.read", "read")?;
        let write = real(&terms.files.write, "files.write", "written")?;
        let never_written: Vec<PathBuf> =
            [Some(asked.program), profile.file()].into_iter().flatten().map(Path::to_owned).collect();
        let protection = if terms.workspace.access == Access::Write {
            Protection::of(&workspace, &terms.workspace, &paths(&never_written))?
        } else {
            Protection::default()
        };
        keep_apart(&workspace, &protection.all(), &write)?;
        if let Some(file) = profile.file().filter(|file| write.iter().any(|path| file.starts_with(path))) {
            let reason = "is written by the run that it describes".to_owned();
            return Err(WallError::Place { path: file.to_owned(), role: "the profile", reason });
        }
        let start_in = if asked.current.starts_with(&workspace) { asked.current } else { &workspace };
        let environment = given(&terms.environment, asked.environment, forbidden.home());
        Ok(Self {
            start_in: start_in.to_owned(),
            home: forbidden.home().to_owned(),
            workspace,
            read,
            write,
            protection,
            never_written,
            environment,
            profile,
        })
    }

    /// The profile.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The workspace's real path.
    #[must_use]
    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// Where the command starts.
    #[must_use]
    pub fn start_in(&self) -> &Path {
        &self.start_in
    }

    /// Real paths beside the workspace that are only read.
    #[must_use]
    pub fn read(&self) -> &[PathBuf] {
        &self.read
    }

    /// Real paths beside the workspace that are written.
    #[must_use]
    pub fn written(&self) -> &[PathBuf] {
        &self.write
    }

    /// What is protected in the workspace.
    #[must_use]
    pub const fn protection(&self) -> &Protection {
        &self.protection
    }

    /// Exeat itself and the profile, which no run may write.
    #[must_use]
    pub fn never_written(&self) -> Vec<&Path> {
        paths(&self.never_written)
    }

    /// The variables of the run, without those that lead to the way out.
    #[must_use]
    pub const fn environment(&self) -> &BTreeMap<OsString, OsString> {
        &self.environment
    }

    /// Whether the workspace is written.
    #[must_use]
    pub fn writable(&self) -> bool {
        self.profile.terms().workspace.access == Access::Write
    }

    /// The parts of the system that there are.
    pub fn system(&self) -> impl Iterator<Item = &Path> {
        self.profile.terms().files.system.iter().map(PathBuf::as_path).filter(|path| path.exists())
    }

    /// Restricts `inside` to what this plan grants.
    #[must_use]
    pub fn grants(&self, inside: Inside) -> Inside {
        let terms = self.profile.terms();
        let workspace = std::iter::once(self.workspace.clone());
        let (mut read, mut write): (Vec<PathBuf>, Vec<PathBuf>) = (
            self.system().map(Path::to_owned).chain(self.read.iter().cloned()).collect(),
            self.write.clone(),
        );
        if self.writable() {
            write.extend(workspace);
        } else {
            read.extend(workspace);
        }
        write.push(self.home.clone());
        let room = if terms.files.widen { room(&self.workspace, self.writable()) } else { Vec::new() };
        Inside {
            room,
            read,
            write,
            home: self.home.clone(),
            observed: terms.files.observe,
            guarded: self.protection.all(),
            loopback: terms.network.loopback,
            limits: terms.limits,
            ..inside
        }
    }

    /// The mounts, with `program` as the shim and `socket` as the way out.
    #[must_use]
    pub fn mounts(&self, program: &Path, socket: &Path, texts: Texts) -> Vec<Mount> {
        let terms = self.profile.terms();
        let ground = Ground {
            system: &terms.files.system,
            read: &self.read,
            write: &self.write,
            home: &self.home,
            workspace: &self.workspace,
            writable: self.writable(),
            protection: &self.protection,
            program,
            socket,
            scratch: terms.limits.scratch_bytes(),
            widen: terms.files.widen,
        };
        mounts(&ground, texts)
    }

    /// What is granted of the filesystem, as scope items.
    #[must_use]
    pub fn filesystem(&self) -> Vec<Value> {
        let below = |path: &Path| format!("{}/**", path.display());
        let mut read = vec!["**".to_owned()];
        read.extend(self.system().map(below));
        read.extend(self.read.iter().chain(&self.write).map(|path| below(path)));
        let mut items = vec![json!({ "type": "filesystem", "access": "read", "paths": read })];
        let mut write: Vec<String> = self.write.iter().map(|path| below(path)).collect();
        if self.writable() {
            write.push("**".to_owned());
        }
        if !write.is_empty() {
            items.push(json!({ "type": "filesystem", "access": "write", "paths": write }));
        }
        items
    }

    /// What is asked for of the network, as scope items.
    #[must_use]
    pub fn network(&self) -> Vec<Value> {
        let hosts = &self.profile.terms().network.hosts;
        if hosts.is_empty() { Vec::new() } else { vec![json!({ "type": "network", "hosts": hosts })] }
    }
}

fn paths(owned: &[PathBuf]) -> Vec<&Path> {
    owned.iter().map(PathBuf::as_path).collect()
}
