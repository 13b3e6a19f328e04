//! Loads, swaps, crashes and abuses a Lapwing server, and says what broke.
//!
//! Each program starts a server of its own, prints what it measured, and ends with 0, with 1 if an invariant
//! was broken or the run could not be finished, or, with `--strict`, with 2 if a target was missed.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the edge")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::report::Report;
use crate::server::{Bench, MetricNames};

mod client;
mod clock;
mod counts;
#[cfg(test)]
mod fake;
mod fleet;
mod http;
mod latencies;
mod metrics;
mod proc;
mod programs;
mod random;
mod receiver;
mod report;
mod sender;
mod server;
mod tally;

/// Loads, swaps, crashes and abuses a Lapwing server, and says what broke.
#[derive(Parser, Debug)]
#[command(version, about)]
struct Arguments {
    /// The server's executable [default: `lapwing` beside this one]
    #[arg(long, global = true, value_name = "PATH")]
    lapwing: Option<PathBuf>,
    /// Where data, logs and compiled components lie [default: a temporary folder, removed if all went well]
    #[arg(long, global = true, value_name = "DIR")]
    work: Option<PathBuf>,
    /// TOML that is added to the server's configuration, such as limits of its own
    #[arg(long, global = true, value_name = "FILE")]
    config_extra: Option<PathBuf>,
    /// The metric of silence rows judged [default: the counter with "silence" and "rows" in its name]
    #[arg(long, global = true, value_name = "NAME")]
    silence_metric: Option<String>,
    /// The metric of accepted rows [default: the counter with "accepted" in its name]
    #[arg(long, global = true, value_name = "NAME")]
    accepted_metric: Option<String>,
    /// End with 2 if a target is missed
    #[arg(long, global = true)]
    strict: bool,
    #[command(subcommand)]
    program: Program,
}

#[derive(Subcommand, Debug)]
enum Program {
    /// A steady load: rate, latency, memory, processor time
    Load(programs::load::Options),
    /// From a failing sample to the event of its detection
    Latency(programs::latency::Options),
    /// A rule replaced again and again under load, with no row lost or judged twice
    Swap(programs::swap::Options),
    /// kill -9 again and again under load, with nothing acknowledged lost or told twice
    Crash(programs::crash::Options),
    /// Ten misbehaving components beside rules that must not notice
    Hostile(programs::hostile::Options),
    /// From a failing sample to the webhook, one page for one cause, and an outage of the receiver
    Telling(programs::telling::Options),
    /// Systems that fall silent, one and many, and a host that cannot hear
    Vanish(programs::vanish::Options),
    /// Far more than the server can take
    Overload(programs::overload::Options),
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lapwing-soak: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let lapwing = match &arguments.lapwing {
        Some(path) => path.canonicalize().with_context(|| format!("{} is not there", path.display()))?,
        None => server::beside_itself()?,
    };
    // Held until the end, when the folder goes away unless something is to be looked into.
    let (work, temporary) = match &arguments.work {
        Some(work) => {
            (std::path::absolute(work).with_context(|| format!("{} is no path", work.display()))?, None)
        }
        None => {
            let temporary = tempfile::tempdir().context("no temporary folder can be made")?;
            (temporary.path().to_owned(), Some(temporary))
        }
    };
    let config_extra = match &arguments.config_extra {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?,
        None => String::new(),
    };
    let metrics = MetricNames {
        silence: arguments.silence_metric.clone(),
        accepted: arguments.accepted_metric.clone(),
        skip: None,
    };
    let bench = Bench { lapwing, work, config_extra, metrics };
    let report = match program(&bench, &arguments.program) {
        Ok(report) => report,
        Err(error) => {
            show_log(&bench);
            keep(temporary);
            return Err(error);
        }
    };
    println!("{}", report.table());
    if report.is_broken() {
        show_log(&bench);
        keep(temporary);
        return Ok(ExitCode::from(1));
    }
    Ok(if report.is_missed() && arguments.strict { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

fn program(bench: &Bench, program: &Program) -> Result<Report> {
    match program {
        Program::Load(options) => programs::load::run(bench, options),
        Program::Latency(options) => programs::latency::run(bench, options),
        Program::Swap(options) => programs::swap::run(bench, options),
        Program::Crash(options) => programs::crash::run(bench, options),
        Program::Hostile(options) => programs::hostile::run(bench, options),
        Program::Telling(options) => programs::telling::run(bench, options),
        Program::Vanish(options) => programs::vanish::run(bench, options),
        Program::Overload(options) => programs::overload::run(bench, options),
    }
}

/// Leaves the temporary folder where it is; one that was given is never removed.
fn keep(folder: Option<tempfile::TempDir>) {
    drop(folder.map(tempfile::TempDir::keep));
}

fn show_log(bench: &Bench) {
    eprintln!("--- the end of the server's log, {} ---\n{}", bench.log_file().display(), bench.log_tail());
}
