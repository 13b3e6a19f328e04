//! How the cost of a sample grows with the number of rules, of systems, and with the length of windows.

use std::time::Instant;

use lapwing::catalog::config::{Config, Rule};
use lapwing::history::{Aggregate, Extent, Input, Plan, Systems, Windowed};
use lapwing::ingest::{Decoder, SampleBatch};
use lapwing::model::{MetricId, Names, SharedNames};
use lapwing::sandbox::Sandbox;
use lapwing::time::Millis;

use crate::cpu::median;
use crate::fleet;
use crate::host::{Bench, without_scorers};

/// The default rules and further ones of the same conditions, so that all inputs are shared.
pub(crate) fn by_rules(sandbox: &Sandbox) -> anyhow::Result<Vec<(usize, f64)>> {
    let mut points = Vec::new();
    for rules in [5, 50, 500] {
        let further = (5..rules).map(|number| Rule {
            rule_id: format!("copy_{number}"),
            plugin: Some("resource_exhaustion".to_owned()),
            ..Rule::default()
        });
        let config = Config { rules: further.collect(), ..without_scorers() };
        let mut bench = Bench::new(sandbox, config, 1000, 10)?;
        bench.passes(20);
        points.push((rules, bench.ns_per_sample(if rules > 100 { 10 } else { 50 })));
    }
    Ok(points)
}

/// The default rules over fleets of several sizes; of the largest, each system has some 150 samples.
pub(crate) fn by_systems(sandbox: &Sandbox) -> anyhow::Result<Vec<(usize, f64)>> {
    let mut points = Vec::new();
    for systems in [100, 1000, 10_000, 100_000] {
        let mut bench = Bench::new(sandbox, without_scorers(), systems, 2)?;
        // Past the growth of the histories at 128 samples, which would otherwise fall into the largest fleet's measurement.
        bench.passes(70);
        let passes = (2_000_000 / (systems * 2)).clamp(5, 2000);
        points.push((systems, bench.ns_per_sample(passes)));
    }
    Ok(points)
}

/// Taking samples in and keeping a mean, a standard deviation and a maximum over so many samples of one metric.
pub(crate) fn by_window() -> Vec<(usize, f64)> {
    let metrics = SharedNames::new(Names::of_metrics());
    let mut decoder =
        Decoder::new(metrics, SharedNames::new(Names::new(16)), lapwing::model::IdHasher::default());
    let mut batch = SampleBatch::default();
    for line in fleet::lines(100, 20) {
        drop(decoder.decode(line.as_bytes(), &mut batch));
    }
    [10, 30, 100, 300, 1000].into_iter().map(|length| (length, window_cost(length as u32, &batch))).collect()
}

fn window_cost(length: u32, batch: &SampleBatch) -> f64 {
    let mut plan = Plan::default();
    for aggregate in [Aggregate::Mean, Aggregate::Std, Aggregate::Max] {
        let (span, offset) = (Extent::Samples(length), Extent::Samples(0));
        plan.column(&Input::Over(Windowed { metric: MetricId(0), aggregate, span, offset }));
    }
    let mut columns = vec![Vec::new(); plan.width()];
    let mut systems = Systems::new(plan, std::sync::Arc::default(), 1000, 0);
    let mut pass = 0;
    let mut run = |passes: usize| {
        let started = Instant::now();
        for _ in 0..passes {
            for row in 0..batch.len() {
                let sample = batch.sample(row);
                let time = Millis(sample.time.0 + pass * 20_000);
                columns.iter_mut().for_each(Vec::clear);
                std::hint::black_box(systems.take(&sample, time, time, &mut columns).is_ok());
            }
            pass += 1;
        }
        started.elapsed().as_nanos() as f64 / (passes * batch.len()) as f64
    };
    run(60);
    median(5, || run(100))
}
