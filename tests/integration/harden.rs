//! What the process gives up at its start. Hardening cannot be undone, so it runs in a process of its own:
//! this test binary, started again for one ignored test.

use std::process::Command;

use exeat::base::harden::{Measure, Outcome, harden};

const CHILD: &str = "harden::child_that_hardens_itself";

#[test]
fn e09_hardened_process_cannot_be_dumped() {
    let me = std::env::current_exe().unwrap();
    let child = Command::new(me).args(["--exact", CHILD, "--ignored", "--nocapture"]).output().unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{said}{}", String::from_utf8_lossy(&child.stderr));
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run in a process of its own by the test above"]
fn child_that_hardens_itself() {
    let before = kib("VmRSS:");
    let report = harden();
    let grown = kib("VmRSS:").saturating_sub(before);
    let unused = kib("VmSize:").saturating_sub(before);

    for (measure, outcome) in report.measures() {
        // Locking depends on the machine's limit; the others need nothing.
        assert!(*outcome == Outcome::Done || measure == Measure::LockedMemory, "{measure}: {outcome}");
    }
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    assert_eq!(status("NoNewPrivs:"), "1");
    assert_eq!(rustix::process::dumpable_behavior().unwrap(), rustix::process::DumpableBehavior::NotDumpable);
    let locked = report.measures().any(|(m, o)| m == Measure::LockedMemory && *o == Outcome::Done);
    assert_eq!(locked, status("VmLck:") != "0 kB", "the report says what the kernel says");
    // A fault maps what lies around it in the page cache too, which is more on one machine than on another.
    assert!(grown < unused / 4, "locking made {grown} of {unused} KiB resident that were not in use");

    // Allocations still succeed, well beyond the default limit on locked memory.
    let memory = vec![1_u8; 64 * 1024 * 1024];
    assert_eq!(memory.iter().step_by(4096).map(|byte| usize::from(*byte)).sum::<usize>(), 16 * 1024);
}

fn kib(field: &str) -> usize {
    status(field).trim_end_matches(" kB").parse().unwrap()
}

fn status(field: &str) -> String {
    // Of this thread: what a thread gives up, threads that are already there keep.
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    status.lines().find_map(|line| line.strip_prefix(field)).unwrap().trim().to_owned()
}
