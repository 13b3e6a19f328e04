//! The programs: each starts a server of its own, does one thing to it, and reports.

use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;

use crate::clock::now_ms;
use crate::fleet::{self, Body, Clock, Mark, Shape};

pub(crate) mod crash;
pub(crate) mod hostile;
pub(crate) mod latency;
pub(crate) mod load;
pub(crate) mod overload;
pub(crate) mod swap;
pub(crate) mod telling;
pub(crate) mod vanish;

/// How far back a stepped clock begins: with the day that the configuration allows ahead, there is room for
/// two.
const BACK_MS: i64 = 80_000_000;

/// The fleet that sends.
#[derive(Args, Clone, Debug)]
pub(crate) struct FleetArgs {
    /// Systems of the fleet
    #[arg(long, default_value_t = 10_000)]
    systems: u32,
    /// Samples in a batch, each of another system
    #[arg(long, default_value_t = 1000)]
    batch_rows: u32,
    /// Connections that send
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Usual intervals of silence after which a system counts as gone. The servers' default of 4 would be 0.4
    /// s for a system that reports ten times a second, and a load that pauses would be ten thousand
    /// disconnections
    #[arg(long, default_value_t = 1000)]
    silence_intervals: u32,
    /// Where random choices start
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

impl FleetArgs {
    fn bodies(&self, clock: Clock, mark: Option<Mark>) -> Vec<Body> {
        fleet::bodies(&Shape {
            systems: self.systems,
            batch_rows: self.batch_rows,
            bodies_min: self.connections as u32,
            clock,
            mark,
            seed: self.seed,
        })
    }

    fn config(&self) -> String {
        fleet::config(self.silence_intervals)
    }
}

/// A clock with steps so long that no system is overdue while rows are counted.
fn stepped(step_ms: i64) -> Clock {
    Clock::Stepped { start_ms: now_ms() - BACK_MS, step_ms }
}

fn component(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("the component {} cannot be read", path.display()))
}
