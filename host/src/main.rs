//! The `lapwing` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    lapwing::cli::main()
}
