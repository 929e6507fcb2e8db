//! sandbox-runtime, to compare with: the real command from the npm package `@anthropic-ai/sandbox-runtime`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::claim::Found;
use crate::process::target;

const PACKAGE: &str = "@anthropic-ai/sandbox-runtime@0.0.83";
/// What it asks for by itself; the Makefile installs it.
const NEEDS: [&str; 4] = ["npm", "bwrap", "socat", "rg"];
/// No host is open, and nothing may be written: what an `exeat run` starts with.
const SETTINGS: &str = r#"{"network": {"allowedDomains": [], "deniedDomains": []},
    "filesystem": {"denyRead": [], "allowWrite": [], "denyWrite": []}}"#;

/// An installed one.
pub(crate) struct SandboxRuntime {
    program: PathBuf,
    settings: PathBuf,
    home: PathBuf,
    workspace: PathBuf,
}

impl SandboxRuntime {
    /// From a directory beside the build; installed there the first time, by npm. Runs are started in `workspace`.
    pub(crate) fn install(workspace: &Path) -> Found<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let there =
            |name: &&str| std::env::split_paths(&path).any(|directory| directory.join(name).is_file());
        if let Some(missing) = NEEDS.iter().find(|name| !there(name)) {
            return Err(format!("{missing} is not installed").into());
        }
        let root = target().join("sandbox-runtime");
        let program = root.join("node_modules/.bin/srt");
        if !program.is_file() {
            std::fs::create_dir_all(root.join("home"))?;
            let mut npm = Command::new("npm");
            npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(&root).arg(PACKAGE);
            let done = npm.output()?;
            if !done.status.success() {
                return Err(format!("npm: {}", String::from_utf8_lossy(&done.stderr).trim()).into());
            }
        }
        let settings = root.join("settings.json");
        std::fs::write(&settings, SETTINGS)?;
        let this = Self { program, settings, home: root.join("home"), workspace: workspace.to_owned() };
        this.is_a_sandbox()?;
        Ok(this)
    }

    /// It, about to run `command`.
    pub(crate) fn command(&self, command: &str) -> Command {
        let mut srt = Command::new(&self.program);
        srt.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", &self.home);
        srt.arg("--settings").arg(&self.settings).args(command.split(' ')).current_dir(&self.workspace);
        srt
    }

    /// What runs without a sandbox here would be no comparison.
    fn is_a_sandbox(&self) -> Found {
        let said = self.command("/bin/cat /proc/self/status").output()?;
        let status = String::from_utf8_lossy(&said.stdout);
        if said.status.success() && status.lines().any(|line| line == "Seccomp:\t2") {
            return Ok(());
        }
        let why = String::from_utf8_lossy(&said.stderr);
        Err(format!("it builds no sandbox here: {}", why.lines().next().unwrap_or("it says nothing")).into())
    }
}
