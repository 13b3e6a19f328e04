//! `lapwing bench`: what Lapwing's own methods are worth, beside others.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use super::Exit;
use crate::simulation::{Benchmark, Model};

/// The arguments of `lapwing bench`.
#[derive(Debug, Args)]
pub(super) struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Failure detectors on the same simulated heartbeats: how soon each notices an end, and how often it is wrong
    Heartbeat(Heartbeat),
}

#[derive(Debug, Args)]
struct Heartbeat {
    /// Only this model of senders and networks, such as `lognormal` or `bursts`; may be repeated [default: all]
    #[arg(long = "model", value_name = "NAME")]
    models: Vec<Model>,
    /// Where random choices start: the same seed gives the same figures
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the curves as SVG and the figures as Markdown here
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// In seconds, with figures of little worth
    #[arg(long)]
    quick: bool,
    /// Systems that the contract of 10 s and one false alarm a week is watched over, for thirty days; 0: none
    #[arg(long, value_name = "SYSTEMS")]
    contract: Option<u32>,
}

impl Bench {
    pub(super) fn run(&self) -> Result<Exit> {
        let What::Heartbeat(heartbeat) = &self.what;
        heartbeat.run()
    }
}

impl Heartbeat {
    fn run(&self) -> Result<Exit> {
        let mut benchmark =
            if self.quick { Benchmark::quick(self.seed) } else { Benchmark::usual(self.seed) };
        if !self.models.is_empty() {
            benchmark.models.clone_from(&self.models);
        }
        if let Some(systems) = self.contract {
            benchmark.contract.0 = systems;
        }
        let mut began = Instant::now();
        let findings = benchmark.run(|part| {
            eprintln!("{part}: {:.1} s", began.elapsed().as_secs_f64());
            began = Instant::now();
        })?;
        println!("{}", findings.table());
        if let Some(folder) = &self.out {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("{} cannot be made", folder.display()))?;
            findings.write(folder).with_context(|| format!("{} cannot be written", folder.display()))?;
        }
        Ok(Exit::Done)
    }
}
