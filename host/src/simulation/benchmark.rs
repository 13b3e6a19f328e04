//! The whole benchmark: every model, every detector, the contract, the cost; a table, and a plot for each model.

use std::path::Path;

use thiserror::Error;

use super::contract_run::{ContractRun, contract_run};
use super::cost::{Cost, cost};
use super::detector::Family;
use super::model::Model;
use super::pareto::{Comparison, compare};
use super::plot::{PlotError, plot};
use super::sweep::{Curve, curve};
use super::trace::Trace;
use crate::heartbeat::{Contract, ContractError};

const WEEK_S: f64 = 604_800.0;
/// What comes before only teaches.
const WARM_SHARE: f64 = 1.0 / 7.0;
/// The contract that is watched: detect within 10 s, one false alarm a week.
const CONTRACT: (f64, f64) = (10.0, 1.0);

/// What is run.
#[derive(Clone, Debug, PartialEq)]
pub struct Benchmark {
    /// The models; all of them is usual.
    pub models: Vec<Model>,
    /// The same seed gives the same figures, times of this machine apart.
    pub seed: u64,
    /// Traces of each model, each with a seed of its own; two at least, or noise is not known.
    pub traces: u64,
    /// Beats of a trace, about.
    pub beats: f64,
    /// Parameters that each detector is tried with.
    pub settings: usize,
    /// Systems and days that the contract is watched over; none: it is not.
    pub contract: (u32, u32),
    /// Systems that the cost is measured with; none: it is not.
    pub cost: u32,
}

impl Benchmark {
    /// What fits in three minutes of one core.
    #[must_use]
    pub fn usual(seed: u64) -> Self {
        Self {
            models: Model::ALL.to_vec(),
            seed,
            traces: 4,
            beats: WEEK_S,
            settings: 48,
            contract: (100, 30),
            cost: 1_000_000,
        }
    }

    /// What takes seconds: that it works, and figures of little worth.
    #[must_use]
    pub fn quick(seed: u64) -> Self {
        Self { traces: 2, beats: 20_000.0, settings: 16, contract: (2, 7), cost: 20_000, ..Self::usual(seed) }
    }

    /// Runs it. `done` is told each part when it is over.
    ///
    /// # Errors
    /// A plot that could not be drawn.
    pub fn run(&self, mut done: impl FnMut(&str)) -> Result<Findings, BenchmarkError> {
        let mut pareto = Vec::new();
        for &model in &self.models {
            pareto.push(self.pareto(model)?);
            done(model.name());
        }
        let agreed = Contract::new(CONTRACT.0, CONTRACT.1)?;
        let (systems, days) = self.contract;
        let contract = (systems > 0 && days > 0).then(|| contract_run(&agreed, systems, days, self.seed));
        done("contract");
        let cost = (self.cost > 0).then(|| cost(self.cost, &agreed));
        done("cost");
        Ok(Findings { pareto, contract, cost })
    }

    fn pareto(&self, model: Model) -> Result<Pareto, BenchmarkError> {
        // Bursts are rare, and must be seen.
        let beats = self.beats * if model == Model::WideArea { 3.0 } else { 1.0 };
        let length_s = beats * model.interval_s();
        let traces: Vec<Trace> = (0..self.traces)
            .map(|trace| Trace::record(model, self.seed.wrapping_mul(1000).wrapping_add(trace), length_s))
            .collect();
        let curves: Vec<Curve> = (Family::ALL.into_iter())
            .map(|family| curve(family, &traces, self.settings, WARM_SHARE * length_s))
            .collect::<Result<_, _>>()?;
        let own = curves.iter().find(|curve| curve.family == Family::Lapwing);
        let comparisons = (curves.iter())
            .filter(|other| other.family != Family::Lapwing)
            .map(|other| (other.family, own.and_then(|own| compare(own, other))))
            .collect();
        Ok(Pareto { model, svg: plot(model.name(), &curves)?, curves, comparisons })
    }
}

/// Why there are no findings.
#[derive(Debug, Error)]
pub enum BenchmarkError {
    /// A plot.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A contract that was to be tried.
    #[error(transparent)]
    Contract(#[from] ContractError),
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Findings {
    /// Each model.
    pub pareto: Vec<Pareto>,
    /// The contract.
    pub contract: Option<ContractRun>,
    /// The cost.
    pub cost: Option<Cost>,
}

/// What was found with one model.
#[derive(Clone, Debug)]
pub struct Pareto {
    /// Which.
    pub model: Model,
    /// All detectors.
    pub curves: Vec<Curve>,
    /// Lapwing's beside each other's; `None` where they have no rate of mistakes in common.
    pub comparisons: Vec<(Family, Option<Comparison>)>,
    /// The plot.
    pub svg: String,
}

impl Findings {
    /// Writes `heartbeat.md` and a plot for each model into a folder, which is made if need be.
    ///
    /// # Errors
    /// What the disk says.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        for Pareto { model, svg, .. } in &self.pareto {
            std::fs::write(folder.join(format!("heartbeat-{}.svg", model.name())), svg)?;
        }
        std::fs::write(folder.join("heartbeat.md"), self.table())
    }

    /// All figures, in Markdown.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::from(
            "Mean detection time beside that of others at equal rates of mistakes, over the rates that both have points of.\n\
             Above 1 is behind. ± is two standard errors from trace to trace; *behind* is what is more than that at any rate. *In turns* is the\n\
             worst if each detector may take turns with two of its settings.\n\n\
             | model | beside | usually | worst | at mistakes a week | in turns | from | to | |\n\
             |---|---|---|---|---|---|---|---|---|\n",
        );
        for Pareto { model, comparisons, .. } in &self.pareto {
            for (family, comparison) in comparisons {
                let line = comparison.as_ref().map_or_else(
                    || "– | | | | | | nothing in common".to_owned(),
                    |comparison| comparison_cells(*family, comparison),
                );
                text.push_str(&format!("| {} | {} | {line} |\n", model.name(), family.name()));
            }
        }
        if let Some(run) = &self.contract {
            text.push_str(&contract_lines(run));
        }
        if let Some(cost) = &self.cost {
            text.push_str(&cost_lines(cost));
        }
        text
    }
}

fn comparison_cells(family: Family, comparison: &Comparison) -> String {
    let Comparison { worst, noise, worst_per_week, surely, in_turns, usual, per_week } = comparison;
    let verdict = match (*worst > 1.0, *surely > 1.0) {
        // A trace alone has too few mistakes at that rate.
        (true, false) if noise.is_nan() => "noise not known".to_owned(),
        (false, _) => "ahead".to_owned(),
        (true, false) => "within noise".to_owned(),
        // What NFD-E is told, the interval and each beat's number, others have to learn.
        (true, true) if family == Family::Chen && *worst <= 1.05 => "within 5 %".to_owned(),
        (true, true) => format!("behind, at least {surely:.3}"),
    };
    format!(
        "{usual:.3} | {worst:.3} ± {noise:.3} | {worst_per_week:.0} | {in_turns:.3} | {:.0} | {:.0} | {verdict}",
        per_week.0, per_week.1
    )
}

fn contract_lines(run: &ContractRun) -> String {
    let weeks = f64::from(run.systems) * f64::from(run.days) / 7.0;
    format!(
        "\nContract: within {} s, {} false alarm a week; a beat each second, 1 % lost, lognormal jitter; {} systems, {} days.\n\n\
         | what | figure |\n|---|---|\n\
         | false alarms a week and system | {:.3} |\n\
         | false alarms in the worst week of a system | {} |\n\
         | crashes, one right after each beat | {} |\n\
         | of these detected late | {} |\n\
         | longest detection | {:.3} s |\n\
         | mean detection of a crash at any time | {:.3} s |\n\
         | systems that say at the end that it is kept | {} |\n",
        CONTRACT.0,
        CONTRACT.1,
        run.systems,
        run.days,
        run.false_alarms as f64 / weeks,
        run.worst_week,
        run.crashes,
        run.late,
        run.detection_max_s,
        run.detection_mean_s,
        run.proven,
    )
}

fn cost_lines(cost: &Cost) -> String {
    format!(
        "\n| cost | figure |\n|---|---|\n\
         | bytes a system, its place in the wheel included | {:.0} |\n\
         | a beat, systems in turn | {:.0} ns |\n\
         | a beat, system in the cache | {:.0} ns |\n\
         | a tick, mean | {:.2} ms |\n\
         | a tick, longest | {:.2} ms |\n\
         | systems looked at in a tick | {:.0} |\n",
        cost.bytes_per_system,
        cost.beat_ns,
        cost.warm_beat_ns,
        cost.tick_mean_ms,
        cost.tick_max_ms,
        cost.looked_at,
    )
}
