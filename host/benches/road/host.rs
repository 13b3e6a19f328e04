//! A shard at work on decoded samples.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use lapwing::catalog::config::{Config, Scorer};
use lapwing::catalog::{Catalog, Sources};
use lapwing::pipeline::Intake;
use lapwing::sandbox::Sandbox;
use lapwing::scoring::{Features, Models, Patience, Schedule, Trainer, Training};
use lapwing::shard::{Round, Shard};
use lapwing::time::Millis;

use crate::{cpu, fleet};

const SYSTEMS: usize = 10_000;
/// Samples of each system that are decoded once and used again, later and later.
const DECODED: usize = 10;
const ROUND_ROWS: usize = 1024;

/// What a run showed.
pub(crate) struct Run {
    /// Samples per second of CPU time.
    pub(crate) rate: f64,
    pub(crate) bytes_per_system: f64,
}

/// A sandbox whose cache is its own.
pub(crate) fn sandbox() -> anyhow::Result<Sandbox> {
    let cache = std::path::absolute(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench-cache"))?;
    Sandbox::new(Some(&cache)).map_err(|error| anyhow::anyhow!("{error:#}"))
}

/// The five default rules with full windows, no scorers.
pub(crate) fn default_rules(sandbox: &Sandbox) -> anyhow::Result<Run> {
    let mut bench = Bench::new(sandbox, without_scorers(), SYSTEMS, DECODED)?;
    bench.passes(1000 / DECODED);
    bench.measure(20)
}

/// The same and the three scorers, training included.
pub(crate) fn rules_and_scorers(sandbox: &Sandbox) -> anyhow::Result<Run> {
    let mut bench = Bench::new(sandbox, Config::default(), SYSTEMS, DECODED)?;
    bench.passes(1000 / DECODED);
    bench.measure(20)
}

/// The default configuration with every scorer disabled.
pub(crate) fn without_scorers() -> Config {
    let off = |id: &str| Scorer { scorer_id: id.to_owned(), enabled: Some(false), ..Scorer::default() };
    Config { scorers: ["isolation_forest", "statistics", "patterns"].map(off).into(), ..Config::default() }
}

/// One shard, fed from the thread that measures.
pub(crate) struct Bench {
    shard: Shard,
    rounds: Vec<Round>,
    schedule: Schedule,
    trainer: mpsc::SyncSender<Features>,
    next_number: u64,
    pass: i64,
    decoded: usize,
}

impl Bench {
    pub(crate) fn new(
        sandbox: &Sandbox,
        config: Config,
        systems: usize,
        decoded: usize,
    ) -> anyhow::Result<Self> {
        let (catalog, refused) = Catalog::assemble(sandbox, Sources { config, added: Vec::new() });
        anyhow::ensure!(refused.is_empty(), "refused: {refused:?}");
        let catalog = Arc::new(catalog);
        let mut intake = Intake::new(Arc::clone(&catalog));
        let mut rounds = Vec::new();
        for line in fleet::lines(systems, decoded) {
            intake.line(line.as_bytes(), None).map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
            if intake.rows() == ROUND_ROWS {
                rounds.push(intake.finish_round().0);
            }
        }
        rounds.push(intake.finish_round().0);
        let models = Arc::new(Models::new(Patience::Wait));
        let (trainer, told) = mpsc::sync_channel(1024);
        let training = Trainer::new(Arc::clone(&catalog), Arc::clone(&models), 1, None);
        std::thread::spawn(move || training.run(&told));
        let shard = Shard::new(0, &catalog, &models, trainer.clone(), false);
        let schedule = Schedule::new(catalog.config.training.clone());
        Ok(Self { shard, rounds, schedule, trainer, next_number: 0, pass: 0, decoded })
    }

    /// Feeds every decoded sample, as if taken after those of the pass before. Returns how many there were.
    pub(crate) fn passes(&mut self, passes: usize) -> usize {
        let shift_ms = self.decoded as i64 * 1000;
        let mut samples = 0;
        for _ in 0..passes {
            for round in &mut self.rounds {
                let mut trainings = Vec::new();
                for (row, stamp) in round.stamps.iter_mut().enumerate() {
                    if self.pass > 0 {
                        stamp.time = Millis(stamp.time.0 + shift_ms);
                        stamp.arrival = Millis(stamp.arrival.0 + shift_ms);
                    }
                    let system_type = round.samples.sample(row).system_type;
                    if let Some((turn, training)) = self.schedule.next(system_type) {
                        (stamp.generation, stamp.learned) = (turn.generation, turn.learned);
                        let due = |generation| Training { after_row: row as u32, system_type, generation };
                        trainings.extend(training.map(due));
                    }
                }
                if self.pass > 0 {
                    round.clock = Millis(round.clock.0 + shift_ms);
                }
                round.number = self.next_number;
                self.next_number += 1;
                drop(self.trainer.send(Features::Due {
                    round: round.number,
                    catalog: Arc::clone(&round.catalog),
                    trainings,
                }));
                samples += self.shard.process(round).fates.judged as usize;
            }
            self.pass += 1;
        }
        samples
    }

    /// CPU time of so many passes, all threads together, by sample.
    pub(crate) fn cpu_per_sample(&mut self, passes: usize) -> Duration {
        let before = cpu::of_threads();
        let samples = self.passes(passes);
        let spent = cpu::of_threads() - before;
        Duration::from_secs_f64(spent.as_secs_f64() / samples as f64)
    }

    pub(crate) fn ns_per_sample(&mut self, passes: usize) -> f64 {
        self.cpu_per_sample(passes).as_secs_f64() * 1e9
    }

    fn measure(&mut self, passes: usize) -> anyhow::Result<Run> {
        let ns = self.ns_per_sample(passes);
        let end = self.shard.end();
        let failed = end.rule_costs.iter().map(|cost| cost.failures).sum::<u64>()
            + end.scorer_costs.iter().map(|cost| cost.failures).sum::<u64>();
        anyhow::ensure!(failed == 0, "{failed} calls failed");
        Ok(Run { rate: 1e9 / ns, bytes_per_system: end.bytes as f64 / end.systems as f64 })
    }
}
