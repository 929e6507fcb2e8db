//! What runs leave behind on the machine: processes, mounts, sockets. A namespace lives as long as one of them does.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

/// The processes whose command line names the workspace, or that stand in it: id and command line.
pub(super) fn processes(workspace: &Path) -> Vec<(u32, Vec<String>)> {
    let name = workspace.to_str().unwrap();
    let all = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap());
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| *pid != std::process::id())
        .filter_map(|pid| {
            let at = PathBuf::from(format!("/proc/{pid}"));
            let line = fs::read(at.join("cmdline")).ok()?;
            let line: Vec<String> =
                line.split(|b| *b == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
            let stands = fs::read_link(at.join("cwd")).is_ok_and(|cwd| cwd.starts_with(workspace));
            (stands || line.iter().any(|part| part.contains(name))).then_some((pid, line))
        })
        .collect()
}

/// What of the runs in this workspace is still there.
pub(super) fn left(workspace: &Path) -> Vec<String> {
    let name = workspace.to_str().unwrap();
    let mut left: Vec<String> = processes(workspace).iter().map(|process| format!("{process:?}")).collect();
    for table in ["/proc/self/mountinfo", "/proc/net/unix"] {
        let table = fs::read_to_string(table).unwrap();
        left.extend(table.lines().filter(|line| line.contains(name)).map(ToOwned::to_owned));
    }
    left
}

/// Waits until nothing is left; the kernel takes a moment to end a namespace.
pub(super) fn gone(workspace: &Path) {
    let began = std::time::Instant::now();
    while !left(workspace).is_empty() {
        assert!(began.elapsed().as_secs() < 20, "still there: {:?}", left(workspace));
        std::thread::yield_now();
    }
}

/// Kills one of the processes of the runs in this workspace: the first whose command line is this.
pub(super) fn kill(workspace: &Path, is: impl Fn(&[String]) -> bool) {
    let (pid, _) = processes(workspace).into_iter().find(|(_, line)| is(line)).unwrap();
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
}
