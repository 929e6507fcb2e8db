//! The machine: what of a secret in memory could reach a disk.

use std::fs;

use super::Finding;
use crate::base::harden::{Measure, Outcome, harden};

/// Takes the measures that `serve` takes, on this process, and says which of them this machine allows.
pub(super) fn look() -> Vec<Finding> {
    let hardening = harden();
    let mut findings: Vec<Finding> =
        hardening.measures().map(|(measure, outcome)| measure_finding(measure, outcome)).collect();
    let locked = done(hardening.measures(), Measure::LockedMemory);
    let not_dumpable = done(hardening.measures(), Measure::NotDumpable);
    findings.push(swap(&fs::read_to_string("/proc/swaps").unwrap_or_default(), locked));
    findings.push(core_pattern(
        &fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default(),
        not_dumpable,
    ));
    findings
}

fn done<'a>(mut measures: impl Iterator<Item = (Measure, &'a Outcome)>, wanted: Measure) -> bool {
    measures.any(|(measure, outcome)| measure == wanted && *outcome == Outcome::Done)
}

const fn name(measure: Measure) -> &'static str {
    match measure {
        Measure::NoCoreFile => "no core files",
        Measure::NotDumpable => "not dumpable",
        Measure::NoNewPrivileges => "no new privileges",
        Measure::LockedMemory => "locked memory",
    }
}

fn measure_finding(measure: Measure, outcome: &Outcome) -> Finding {
    match outcome {
        Outcome::Done => Finding::ok(name(measure), "this machine allows it"),
        Outcome::NotPossible(reason) => {
            let remedy = match measure {
                Measure::LockedMemory => {
                    "let the service lock memory (LimitMEMLOCK=infinity), or turn swap off"
                }
                _ => "run it outside a container or a policy that forbids it",
            };
            Finding::weak(name(measure), format!("not possible: {reason}"), remedy)
        }
    }
}

/// Swap is a disk; what is locked does not go there.
pub(super) fn swap(swaps: &str, locked: bool) -> Finding {
    const CHECK: &str = "swap";
    let areas = swaps.lines().skip(1).filter(|line| !line.trim().is_empty()).count();
    match (areas, locked) {
        (0, _) => Finding::ok(CHECK, "off"),
        (_, true) => Finding::ok(CHECK, "on, and memory is locked against it"),
        (_, false) => Finding::weak(
            CHECK,
            "on, and memory is not locked against it: a secret could be written to disk",
            "encrypt it or turn it off (swapoff -a), or let the service lock memory",
        ),
    }
}

/// A core pattern with a pipe hands dumps to a program, whatever the limit on core files says.
pub(super) fn core_pattern(pattern: &str, not_dumpable: bool) -> Finding {
    const CHECK: &str = "core pattern";
    let pattern = pattern.trim();
    match (pattern.starts_with('|'), not_dumpable) {
        (false, _) => Finding::ok(CHECK, format!("`{pattern}`: files only, which the limit forbids")),
        (true, true) => Finding::ok(CHECK, "dumps go to a program, and this process cannot be dumped"),
        (true, false) => Finding::weak(
            CHECK,
            format!("dumps go to a program: `{pattern}`"),
            "sysctl kernel.core_pattern=core, or allow PR_SET_DUMPABLE",
        ),
    }
}
