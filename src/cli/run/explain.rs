//! `exeat run --explain`: what a run could and could not do, plane by plane. Nothing is run and nobody is asked.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Run;
use super::preparation::Preparation;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{DONE, Output, Page, listed};
use crate::domain::run::Rung;
use crate::planes::filesystem::plan::Plan;
use crate::planes::filesystem::second_wall;

/// Says it.
pub(super) fn explain(run: &Run, preparation: &Preparation, output: Output) -> Result<Exit, Failure> {
    let open = run.unsafe_no_sandbox;
    let plan = &preparation.plan;
    let abi = second_wall::abi();
    let terms = plan.profile().terms();
    let protection = plan.protection();
    let document = json!({
        "profile": plan.profile().name(),
        "rung": terms.rung.as_str(),
        "walls": !open,
        "landlock_abi": abi,
        "filesystem": {
            "granted": plan.filesystem(),
            "workspace": plan.workspace(),
            "writable": plan.writable(),
            "protected": protection.shut,
            "barred": protection.barred.iter().chain(protection.held.keys()).collect::<Vec<_>>(),
            "start_in": plan.start_in(),
            "observed": !open && terms.files.observe,
            "widened": !open && terms.files.widen,
        },
        "network": { "granted": plan.network(), "loopback": terms.network.loopback },
        "secrets": {
            "possible": terms.rung == Rung::Credentialed,
            "placeholders": run.credential.iter().map(|wanted| json!({
                "stands_for": wanted.body(), "variables": wanted.names(),
            })).collect::<Vec<_>>(),
            "wait_seconds": run.wait,
        },
        "environment": plan.environment().keys().map(|name| name.to_string_lossy()).collect::<Vec<_>>(),
        "limits": terms.limits,
    });
    output.answer(&document, |page| {
        page.line(format!("profile {}, on the rung {}", plan.profile().name(), terms.rung.as_str()));
        if open {
            page.line("WITHOUT WALLS: nothing below is enforced; the command can do whatever you can.");
        }
        filesystem(page, plan, !open && terms.files.observe);
        network(page, plan);
        secrets(page, terms.rung, run);
        rest(page, plan, abi);
    })?;
    DONE
}

fn filesystem(page: &mut Page, plan: &Plan, observed: bool) {
    let workspace = plan.workspace().display();
    page.gap();
    page.line("Filesystem");
    if plan.writable() {
        page.line(format!("  can    read and write {workspace}"));
    } else {
        page.line(format!("  can    read {workspace}, and not write there"));
    }
    paths(page, "  can    read and write ", plan.written());
    paths(page, "  can    read ", plan.read());
    page.line(format!("  can    read of the system {}", listed(plan.system().map(Path::display))));
    page.line("  can    write to an empty home, /tmp and /dev/shm, which are gone afterwards");
    page.line(if observed {
        "  is     seen opening files, and what it used is on record at the end"
    } else {
        "  is     not seen opening files"
    });
    page.line(if plan.profile().terms().files.widen {
        "  gets   what is granted meanwhile opened at once, where that is possible"
    } else {
        "  gets   nothing opened that is granted meanwhile"
    });
    let protection = plan.protection();
    paths(page, "  cannot change ", &protection.shut);
    let barred: Vec<PathBuf> = protection.barred.iter().chain(protection.held.keys()).cloned().collect();
    paths(page, "  cannot make ", &barred);
    page.line("  cannot see any other file: homes, keys, sockets, other runs, Exeat's data");
}

fn paths(page: &mut Page, what: &str, paths: &[PathBuf]) {
    if !paths.is_empty() {
        page.line(format!("{what}{}", listed(paths.iter().map(|path| path.display()))));
    }
}

fn network(page: &mut Page, plan: &Plan) {
    let terms = plan.profile().terms();
    page.gap();
    page.line("Network");
    page.line(
        "  can    send requests to Exeat, which decides on each and logs it; there is no other way out",
    );
    let hosts = &terms.network.hosts;
    if terms.rung >= Rung::Networked && !hosts.is_empty() {
        page.line(format!("  can    reach {}, every connection on record", listed(hosts)));
    } else {
        page.line("  cannot reach any host, until one is granted");
    }
    let loopback = if terms.network.loopback { "can   " } else { "cannot" };
    page.line(format!("  {loopback} speak TCP between its own programs, over loopback"));
}

fn secrets(page: &mut Page, rung: Rung, run: &Run) {
    page.gap();
    page.line("Secrets");
    page.line("  cannot hold an upstream credential: Exeat places it, after the request has left the walls");
    if rung == Rung::Credentialed {
        page.line("  can    ask for the use of one; a person decides");
    } else {
        page.line("  cannot use one on this rung; to ask for it is a step up the ladder");
    }
    for wanted in &run.credential {
        let names = listed(wanted.names());
        page.line(format!("  finds  in {names} a placeholder for {wanted}, worth what is approved for it"));
    }
    if run.wait > 0 {
        page.line(format!("  waits  up to {} s for a person when something is refused", run.wait));
    }
}

fn rest(page: &mut Page, plan: &Plan, abi: Option<i32>) {
    let limits = plan.profile().terms().limits;
    page.gap();
    page.line("Limits");
    page.line(format!(
        "  {} processes (not for root), {} MiB of memory for a process, {} MiB for a file, {} open files, {} s",
        limits.processes, limits.memory_mib, limits.file_mib, limits.open_files, limits.seconds
    ));
    page.line(format!(
        "  variables {}",
        listed(plan.environment().keys().map(|name| name.to_string_lossy()))
    ));
    match abi {
        Some(abi) => {
            page.line(format!("  landlock ABI {abi} stands behind the mounts{}", missing_of_landlock(abi)));
        }
        None => page.line("  no landlock on this kernel: the mounts, namespaces and seccomp stand alone"),
    }
}

/// What an older ABI does not do.
pub(crate) const fn missing_of_landlock(abi: i32) -> &'static str {
    match abi {
        ..=3 => ", without TCP ports, device ioctls, signals and abstract sockets (Linux 6.12 has them)",
        4 => ", without device ioctls, signals and abstract sockets (Linux 6.12 has them)",
        5 => ", without signals and abstract sockets (Linux 6.12 has them)",
        _ => "",
    }
}
