//! The terminal. No decision is made here.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the terminal is this room's job")]

mod alerting;
mod backtest;
mod bench;
mod check;
mod client;
mod demo;
mod detection;
mod explain;
mod init;
mod open;
mod plugin;
mod plugins;
mod replay;
mod report;
mod serve;
mod store;
mod token;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done as asked.
    Done = 0,
    /// Could not be done.
    Failed = 1,
    // 2 is clap's: the command line was wrong.
    /// `--strict`, and a row was refused.
    RowRefused = 3,
    /// Done, but not by everyone: a plugin, rule or scorer was refused or taken out of the run.
    Incomplete = 4,
}

/// Watches a fleet of systems through their health samples. Every judgement is a sandboxed WebAssembly component.
#[derive(Debug, Parser)]
#[command(
    name = "lapwing",
    version,
    after_help = "Exit codes: 0 done; 1 could not be done; 2 wrong usage; 3 a row was refused (--strict); 4 done, but a \
                  plugin, rule or scorer was refused or taken out of the run.\n\
                  Logs go to standard error; LAPWING_LOG sets what is logged, such as `info` or `plugin=debug`."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judge recorded samples (NDJSON, plain, .gz or .zst) and write detections as NDJSON
    Replay(replay::Replay),
    /// Say how good the rules are on recorded samples with labels, or how two versions differ
    Backtest(backtest::Backtest),
    /// Measure methods beside others: failure detectors on simulated heartbeats
    Bench(bench::Bench),
    /// List the bundled and added components, or inspect one
    Plugins(plugins::Plugins),
    /// Validate a configuration: every key, every plugin, every rule
    Check(check::Check),
    /// Watch this machine live, and break it on purpose
    Demo(demo::Demo),
    /// Take samples in over HTTP, keep them safe, and change plugins while it runs
    Serve(serve::Serve),
    /// Write a configuration to begin with
    Init(init::Init),
    /// Push, compare, promote and roll back plugins of a running server
    Plugin(plugin::PluginCommand),
    /// List, show, acknowledge, assign, resolve and reopen detections
    Detection(detection::DetectionCommand),
    /// Execute a detection's verdict again from its evidence
    Explain(explain::Explain),
    /// Say at which step an alert that was expected stopped
    WhyNot(explain::WhyNot),
    /// List, make, preview and end silences
    Silence(alerting::SilenceCommand),
    /// Say who would be told of an alert
    Route(alerting::RouteCommand),
    /// List actions and what is owed; approve, cancel, replay and take back
    Action(alerting::ActionCommand),
    /// Make, list and revoke tokens
    Token(token::TokenCommand),
    /// Back up, verify or export a store
    Store(store::StoreCommand),
}

/// What every command that loads components takes.
#[derive(Clone, Debug, Args)]
struct Setup {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Add a component, named after its file; may be repeated
    #[arg(long, value_name = "FILE", global = true)]
    plugin: Vec<PathBuf>,
    /// Where compiled components are kept [default: the user's cache directory]
    #[arg(long, value_name = "DIR", env = "LAPWING_CACHE_DIR", global = true)]
    cache_dir: Option<PathBuf>,
}

/// Parses the command line, runs the command, and reports what kept it from being done.
#[must_use]
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    let serves = matches!(command, Command::Serve(_));
    let filter = EnvFilter::try_from_env("LAPWING_LOG")
        .unwrap_or_else(|_| EnvFilter::new(if serves { "info" } else { "warn" }));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(std::io::stderr().is_terminal());
    match (serves, std::env::var("LAPWING_LOG_FORMAT").as_deref()) {
        (true, Ok("json")) => logs.with_writer(std::io::stderr).json().init(),
        (true, _) => logs.with_writer(std::io::stderr).init(),
        (false, _) => logs.with_writer(|| demo::LogWriter).without_time().init(),
    }
    let done = match command {
        Command::Replay(replay) => replay.run(),
        Command::Backtest(backtest) => backtest.run(),
        Command::Bench(bench) => bench.run(),
        Command::Plugins(plugins) => plugins.run(),
        Command::Check(check) => check.run(),
        Command::Demo(demo) => demo.run(),
        Command::Serve(serve) => serve.run(),
        Command::Init(init) => init.run(),
        Command::Plugin(plugin) => plugin.run(),
        Command::Detection(detection) => detection.run(),
        Command::Explain(explain) => explain.run(),
        Command::WhyNot(why_not) => why_not.run(),
        Command::Silence(silence) => silence.run(),
        Command::Route(route) => route.run(),
        Command::Action(action) => action.run(),
        Command::Token(token) => token.run(),
        Command::Store(store) => store.run(),
    };
    let exit = done.unwrap_or_else(|error| {
        // Whoever read the output has had enough, as `head` does.
        let is_broken_pipe = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::BrokenPipe;
        if error.chain().filter_map(|cause| cause.downcast_ref()).any(is_broken_pipe) {
            return Exit::Done;
        }
        eprintln!("lapwing: {error:#}");
        Exit::Failed
    });
    ExitCode::from(exit as u8)
}
