//! The project's own commands: `cargo xtask demo`, `test`, `lint`, `bench`, `soak`, `fuzz`.
#![allow(clippy::print_stderr, reason = "a tool of the terminal")]

mod fuzz;
mod plots;
mod soak;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Watch this machine with the bundled components: the main job, live
    Demo {
        /// Passed to `lapwing demo`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run every test
    Test,
    /// Check formatting, lints, docs and dependencies
    Lint,
    /// Load, crash, swap and abuse a server: the short form of each program, or one of them as long as you like
    Soak {
        /// A program and its options, such as `crash --rounds 200`; without one, the short form of all
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Fuzz every decoder and the component loader; needs a nightly toolchain
    Fuzz {
        /// Seconds for each target
        #[arg(default_value_t = 60)]
        seconds: u32,
    },
    /// Run the benchmarks, print ratios to native, write target/bench.json
    Bench {
        /// Also redraw the plots under docs/
        #[arg(long)]
        plots: bool,
    },
}

/// Alerts are sent to a real Alertmanager, where one is installed.
fn with_alertmanager() -> Result<()> {
    let found = std::process::Command::new("prometheus-alertmanager").arg("--version").output();
    if !found.is_ok_and(|answer| answer.status.success()) {
        eprintln!("prometheus-alertmanager is not installed: alerts are not sent to one");
        return Ok(());
    }
    let test =
        ["test", "--workspace", "--exclude", "xtask", "--test", "server", "--", "--ignored", "alertmanager"];
    cargo(&test).run()
}

const WASM_TARGET: &str = "wasm32-unknown-unknown";
const CARGO_DENY: &str = "0.20.2";

fn main() -> Result<()> {
    match Cli::parse().task {
        Task::Demo { args } => {
            wasm_target()?;
            cargo(&["run", "--quiet", "--package", "lapwing", "--", "demo"]).args(args).run()
        }
        Task::Test => {
            wasm_target()?;
            cargo(&["test", "--workspace", "--exclude", "xtask"]).run()?;
            with_alertmanager()?;
            soak::short(soak::Profile::Dev)
        }
        Task::Soak { args } => {
            wasm_target()?;
            if args.is_empty() { soak::short(soak::Profile::Release) } else { soak::one(&args) }
        }
        Task::Fuzz { seconds } => fuzz::run(seconds),
        Task::Lint => lint(),
        Task::Bench { plots } => {
            wasm_target()?;
            cargo(&["bench", "--package", "lapwing", "--bench", "road", "--bench", "alerts"]).run()?;
            if plots { plots::draw(&root().join("target/bench.json"), &root().join("docs")) } else { Ok(()) }
        }
    }
}

fn lint() -> Result<()> {
    wasm_target()?;
    cargo(&["fmt", "--all", "--check"]).run()?;
    cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]).run()?;
    cargo(&["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "--deny warnings").run()?;
    if cargo(&["deny", "--version"]).output().is_ok_and(|output| !output.status.success()) {
        cargo(&["install", "cargo-deny", "--locked", "--version", CARGO_DENY]).run()?;
    }
    cargo(&["deny", "check", "bans", "licenses", "sources"]).run()
}

/// Has the standard library for components installed, which a toolchain file alone does not bring about everywhere.
fn wasm_target() -> Result<()> {
    let libraries =
        Command::new("rustc").args(["--print", "target-libdir", "--target", WASM_TARGET]).output();
    let installed = libraries.is_ok_and(|output| {
        output.status.success() && PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    });
    if installed {
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", WASM_TARGET]).current_dir(root());
    rustup.run().with_context(|| format!("the target {WASM_TARGET} is missing and rustup could not add it"))
}

fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

trait Run {
    /// Runs to the end; anything but success is an error that names the command.
    fn run(&mut self) -> Result<()>;
}

impl Run for Command {
    fn run(&mut self) -> Result<()> {
        let status = self
            .status()
            .with_context(|| format!("{} could not be started", self.get_program().display()))?;
        if !status.success() {
            bail!("{self:?} ended with {status}");
        }
        Ok(())
    }
}
