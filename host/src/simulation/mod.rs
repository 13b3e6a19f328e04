//! Failure detectors on the same simulated heartbeats, in virtual time: how soon each notices the end of a system, and how
//! often it is wrong. The same seed gives the same figures.

mod baselines;
mod benchmark;
mod contract_run;
mod cost;
mod detector;
mod measure;
mod model;
mod pareto;
mod plot;
mod sweep;
#[cfg(test)]
mod tests;
mod trace;

pub use benchmark::{Benchmark, BenchmarkError, Findings, Pareto};
pub use contract_run::ContractRun;
pub use cost::Cost;
pub use detector::{Family, Sweep};
pub use measure::Quality;
pub use model::{Model, UnknownModel};
pub use pareto::Comparison;
pub use plot::PlotError;
pub use sweep::{Curve, Point};
