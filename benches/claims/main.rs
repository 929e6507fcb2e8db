//! The measured claims: speed and memory, each printed beside its bound as measured in one run on this machine.
//!
//! `cargo bench --bench claims` for all, `cargo bench --bench claims -- decision growth` for some. A bound that is missed is
//! said, not failed: a busy machine is no bug. Ratios are taken side by side, in turns, and the median counts.
#![expect(clippy::print_stdout, reason = "a bench prints what it found")]

mod bed;
mod claim;
mod decision;
mod egress;
mod exchange;
mod growth;
mod http;
mod memory;
mod openbao;
mod opens;
mod process;
mod sandbox_runtime;
mod scrub;
mod shim;
mod start;
mod uses;

use std::alloc::System;

use zeroizing_alloc::ZeroAlloc;

use self::claim::Found;

/// As in the `exeat` binary: wiping costs time, and belongs to what is measured.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

#[tokio::main]
async fn main() -> Found {
    // `cargo test --all-targets` starts it too, unoptimised and without this word: then there is nothing to measure.
    if !std::env::args().any(|word| word == "--bench") {
        return Ok(());
    }
    if std::env::args().any(|word| word == shim::INSIDE) {
        return shim::inside();
    }
    if std::env::args().any(|word| word == egress::interceptor::WORD) {
        return egress::interceptor::serve().await;
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let runs = |part: &str| wanted.is_empty() || wanted.iter().any(|word| word == part);
    claim::heading();
    if runs("decision") {
        decision::run()?;
    }
    if runs("scrub") {
        scrub::run();
    }
    if runs("uses") {
        uses::run().await?;
    }
    if runs("egress") {
        egress::run().await?;
    }
    // Minutes and gigabytes of memory, for one figure: only where it is asked for.
    if wanted.iter().any(|word| word == "million") {
        egress::million::run().await?;
    }
    if runs("exchange") {
        exchange::run().await?;
    }
    if runs("memory") {
        memory::run().await?;
    }
    if runs("run") {
        start::run().await?;
    }
    if runs("shim") {
        shim::run().await?;
    }
    if runs("opens") {
        opens::run().await?;
    }
    if runs("growth") {
        growth::run().await?;
    }
    Ok(())
}
