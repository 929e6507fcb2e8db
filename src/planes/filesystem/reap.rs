//! Without walls there is no namespace that ends everything in it: what a run leaves behind is found by whose child it is.

use std::fs;
use std::io;

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid};

/// How often it is looked anew: each time, the children of what was ended become ours.
const TURNS: usize = 1024;

/// From now on, what loses its parent below this process becomes a child of this one (prctl(2), `PR_SET_CHILD_SUBREAPER`).
///
/// # Errors
/// When the kernel refuses.
pub fn adopt() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// Kills everything below this process, and waits until it has ended.
pub fn end_all() {
    for _ in 0..TURNS {
        let children = children();
        if children.is_empty() {
            return;
        }
        for child in children {
            // Ended before it was killed, or waited for elsewhere: then it is not among the next.
            let _ = kill_process(child, Signal::KILL);
            let _ = waitpid(Some(child), WaitOptions::empty());
        }
    }
}

fn children() -> Vec<Pid> {
    let own = getpid().as_raw_nonzero().get();
    let names = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = names.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| parent(*pid) == Some(own)).filter_map(Pid::from_raw).collect()
}

/// The fourth field of proc_pid_stat(5). The second is a name in brackets, and may hold anything.
fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}
