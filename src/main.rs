//! The `exeat` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    exeat::edges::cli::run(std::env::args_os())
}
