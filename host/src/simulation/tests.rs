//! The benchmark can be trusted: it repeats itself, and it measures what is known beforehand.

use super::contract_run::contract_run;
use super::detector::Family;
use super::measure::Tally;
use super::pareto::compare;
use super::sweep::curve;
use super::trace::Trace;
use super::{Benchmark, Model};
use crate::heartbeat::Contract;

const DAY_S: f64 = 86_400.0;

#[test]
fn the_same_seed_gives_the_same_beats_and_another_others() {
    for model in Model::ALL {
        let record = |seed| Trace::record(model, seed, 20_000.0);
        assert_eq!(record(1).fresh, record(1).fresh, "{}", model.name());
        assert_ne!(record(1).fresh, record(2).fresh, "{}", model.name());
    }
}

#[test]
fn a_fixed_time_out_does_what_arithmetic_says() {
    let trace = Trace::record(Model::Lognormal, 3, 4.0 * DAY_S);
    let mut tally = Tally::new();
    tally.watch(&trace, 0.0, |place| trace.fresh[place].arrival_ms as f64 + 2500.0);
    let quality = tally.quality();
    // Delay 0.12 s and the time-out, less half an interval, less a whole one for 1 % of beats.
    assert!((quality.detection_mean_s - 2.11).abs() < 0.02, "{quality:?}");
    // Two in a row are lost: 0.99 · 0.01² of 604,800.
    assert!((40.0..90.0).contains(&quality.mistakes_per_week), "{quality:?}");
    assert!(quality.detection_p50_s < quality.detection_p99_s);
    assert!(quality.detection_p99_s <= quality.detection_max_s);
    let accuracy = 1.0 - quality.mistakes_per_week * quality.mistake_s / 604_800.0;
    assert!((quality.query_accuracy - accuracy).abs() < 1e-9, "{quality:?}");
}

#[test]
fn the_wide_area_is_as_it_was_measured() {
    let trace = Trace::record(Model::WideArea, 1, 7.0 * DAY_S);
    let bursts: Vec<u32> = (trace.fresh.windows(2))
        .map(|pair| pair[1].number - pair[0].number - 1)
        .filter(|&lost| lost > 0)
        .collect();
    assert!((600..1000).contains(&bursts.len()), "{}", bursts.len());
    assert!((0.003..0.005).contains(&trace.loss()), "{}", trace.loss());
    assert!(bursts.iter().any(|&lost| lost > 500));
}

#[test]
fn bursts_reach_hundreds_of_beats_in_bad_spells() {
    let trace = Trace::record(Model::Bursts, 1, 7.0 * DAY_S);
    assert!((0.003..0.009).contains(&trace.loss()), "{}", trace.loss());
}

#[test]
fn nobody_is_ahead_or_behind_of_himself() {
    let traces = [1, 2].map(|seed| Trace::record(Model::Normal, seed, DAY_S));
    let fixed = curve(Family::Fixed, &traces, 12, 3600.0).expect("settings");
    let same = compare(&fixed, &fixed).expect("points");
    for ratio in [same.worst, same.usual, same.in_turns] {
        assert!((ratio - 1.0).abs() < 1e-12, "{same:?}");
    }
}

#[test]
fn who_is_slower_by_a_tenth_is_behind_by_a_tenth() {
    let traces = [1, 2].map(|seed| Trace::record(Model::Normal, seed, DAY_S));
    let fixed = curve(Family::Fixed, &traces, 12, 3600.0).expect("settings");
    let mut slower = fixed.clone();
    for point in &mut slower.points {
        point.quality.detection_mean_s *= 1.1;
        point.each.iter_mut().for_each(|each| each.0 *= 1.1);
    }
    let behind = compare(&slower, &fixed).expect("points");
    assert!((behind.worst - 1.1).abs() < 1e-9 && (behind.in_turns - 1.1).abs() < 1e-9, "{behind:?}");
    assert!((behind.surely - 1.1).abs() < 1e-9 && behind.noise < 1e-9, "{behind:?}");
}

#[test]
fn every_family_is_tried_with_the_same_number_of_settings() {
    let traces = [Trace::record(Model::Lognormal, 1, DAY_S)];
    for family in Family::ALL {
        let curve = curve(family, &traces, 24, 3600.0).expect("settings");
        assert_eq!(curve.points.len(), 24, "{}", family.name());
    }
}

#[test]
fn a_benchmark_of_one_model_has_its_table_and_its_plot() {
    let mut benchmark = Benchmark::quick(1);
    benchmark.models = vec!["sleeper".parse().expect("a model")];
    let findings = benchmark.run(|_| {}).expect("findings");
    assert!(findings.table().contains("| sleeper | Bertier |"), "{}", findings.table());
    assert!(findings.pareto[0].svg.contains("</svg>"));
    assert!("sleepy".parse::<Model>().expect_err("no model").to_string().contains("sleeper"));
}

#[test]
fn a_contract_is_kept_by_a_few_systems_for_days() {
    let contract = Contract::new(10.0, 1.0).expect("a contract");
    let run = contract_run(&contract, 3, 3, 9);
    assert_eq!(run.false_alarms, 0);
    assert!(run.late == 0 && run.detection_max_s <= 10.0 && run.beats > 700_000, "{run:?}");
    // A contract that leaves no room for a lost beat is broken, and the run says so.
    let hasty = Contract::new(1.7, 1.0).expect("a contract");
    assert!(contract_run(&hasty, 1, 1, 9).false_alarms > 500);
}
