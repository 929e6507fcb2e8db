//! What it costs that the files a run opens are seen: the same command in the same walls, with and without, in turns.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use crate::claim::{Found, at_most, median, millis, note, skipped};
use crate::process::{Exeat, scratch};

/// How much longer a command may take.
const BOUND: f64 = 1.10;

pub(crate) async fn run() -> Found {
    let data = scratch()?;
    let exeat = Exeat::start(data.path()).await?;
    git(&exeat, data.path())?;
    cargo(&exeat, data.path())
}

fn git(exeat: &Exeat, data: &Path) -> Found {
    const CLAIM: &str = "git status on 10,000 files, seen to unseen";
    let tree = scratch()?;
    for directory in 0..100 {
        let directory = tree.path().join(format!("{}/{}", directory / 10, directory % 10));
        fs::create_dir_all(&directory)?;
        for file in 0..100 {
            fs::write(directory.join(format!("{file}.txt")), format!("{file}\n"))?;
        }
    }
    let made =
        ["init -q", "add -A", "-c user.name=a -c user.email=a@localhost commit -q -m a"].iter().all(|verb| {
            let mut git = Command::new("git");
            git.args(verb.split(' ')).current_dir(tree.path());
            git.status().is_ok_and(|status| status.success())
        });
    if !made {
        skipped(CLAIM, "no git");
        return Ok(());
    }
    compare(CLAIM, &Desk { exeat, data, workspace: tree.path(), read: Vec::new() }, "git status", 150)
}

fn cargo(exeat: &Exeat, data: &Path) -> Found {
    const CLAIM: &str = "cargo check of 2,000 lines, seen to unseen";
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output();
    let Ok(sysroot) = sysroot.map_err(drop).and_then(|said| String::from_utf8(said.stdout).map_err(drop))
    else {
        skipped(CLAIM, "no rustc");
        return Ok(());
    };
    let sysroot = PathBuf::from(sysroot.trim());
    let small = a_crate()?;
    let command = format!(
        "PATH={}/bin:$PATH CARGO_HOME=/tmp/cargo; export PATH CARGO_HOME; touch src/lib.rs; cargo check --offline",
        sysroot.display()
    );
    // A toolchain of the system is shown anyway.
    let read = if sysroot.starts_with("/usr") { Vec::new() } else { vec![sysroot] };
    compare(CLAIM, &Desk { exeat, data, workspace: small.path(), read }, &command, 60)
}

/// Twenty modules of a hundred lines, and nothing else to build.
fn a_crate() -> Found<TempDir> {
    let small = scratch()?;
    fs::create_dir(small.path().join("src"))?;
    fs::write(
        small.path().join("Cargo.toml"),
        "[package]\nname = \"small\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n",
    )?;
    let modules = (0..20).map(|module| format!("m{module}"));
    for module in modules.clone() {
        let functions = (0..14).map(|function| function_of(&module, function));
        let text: Vec<String> =
            std::iter::once("use std::collections::BTreeMap;".to_owned()).chain(functions).collect();
        fs::write(small.path().join(format!("src/{module}.rs")), text.join("\n"))?;
    }
    let root: Vec<String> = modules.map(|module| format!("pub mod {module};\n")).collect();
    fs::write(small.path().join("src/lib.rs"), root.concat())?;
    Ok(small)
}

fn function_of(module: &str, number: usize) -> String {
    format!(
        "pub fn f{number}(words: &[String]) -> Result<BTreeMap<String, usize>, String> {{
    let mut counts = BTreeMap::new();
    for word in words {{
        *counts.entry(word.clone()).or_insert({number}) += word.len();
    }}
    counts.get(\"{module}\").ok_or_else(|| words.join(\",\"))?;
    Ok(counts)
}}
"
    )
}

/// Where runs are started.
struct Desk<'a> {
    exeat: &'a Exeat,
    data: &'a Path,
    workspace: &'a Path,
    read: Vec<PathBuf>,
}

fn compare(claim: &str, desk: &Desk<'_>, command: &str, rounds: usize) -> Found {
    let (mut seen, mut unseen) = (Inside::start(desk, true, command)?, Inside::start(desk, false, command)?);
    // What is read for the first time, and built for the first time, is not what is measured.
    for _ in 0..5 {
        seen.once()?;
        unseen.once()?;
    }
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        if round % 2 == 0 {
            with.push(seen.once()?);
            without.push(unseen.once()?);
        } else {
            without.push(unseen.once()?);
            with.push(seen.once()?);
        }
    }
    let (with, without) = (median(&mut with), median(&mut without));
    at_most(claim, with / without, BOUND, "×");
    note("seen", with, "ms");
    note("unseen", without, "ms");
    Ok(())
}

/// A run in which a command is done each time it is asked for.
struct Inside {
    run: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Inside {
    fn start(desk: &Desk<'_>, seen: bool, command: &str) -> Found<Self> {
        let home = desk.data.with_extension("home");
        fs::create_dir_all(&home)?;
        let profile = home.with_extension(if seen { "seen.toml" } else { "unseen.toml" });
        fs::write(&profile, changed(desk, seen)?)?;
        let mut run = desk.exeat.command(desk.data, &home);
        run.arg("run")
            .arg("--profile")
            .arg(&profile)
            .arg("--workspace")
            .arg(desk.workspace)
            .args(["--", "sh", "-c"]);
        run.arg(format!("while read round; do ({command}) > /dev/null 2>&1; echo $?; done"));
        let mut run = run.current_dir(desk.workspace).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (ask, answers) = (run.stdin.take().ok_or("no input")?, run.stdout.take().ok_or("no output")?);
        Ok(Self { run, ask, answers: BufReader::new(answers) })
    }

    /// Milliseconds for the command once.
    fn once(&mut self) -> Found<f64> {
        let began = Instant::now();
        self.ask.write_all(b"\n")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        if answer != "0\n" {
            return Err(format!("the command failed in its run: {answer:?}").into());
        }
        Ok(millis(began.elapsed()))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        drop(self.run.kill());
        drop(self.run.wait());
    }
}

/// The profile as it is shipped, with what this desk needs.
fn changed(desk: &Desk<'_>, seen: bool) -> Found<String> {
    let read: Vec<String> = desk.read.iter().map(|path| path.display().to_string()).collect();
    let shipped = exeat::planes::filesystem::profile::BUILT_IN;
    let (_, text) = shipped.iter().find(|(name, _)| *name == "workspace-write").ok_or("no such profile")?;
    let text = text.replace("\nread = []", &format!("\nread = {read:?}"));
    Ok(text.replace("\nobserve = true", &format!("\nobserve = {seen}")))
}
