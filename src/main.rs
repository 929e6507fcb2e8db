//! The `exeat` binary.

use std::alloc::System;
use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

/// Memory is wiped when it is given back. What is known to be secret is wiped by its owner; this is for the copies that pass
/// through buffers of libraries, such as a request body on its way to the vault.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    exeat::cli::run(std::env::args_os())
}
