//! For the tests of plugins. For scorers, data that is the same at every run, and the laws that every scorer keeps; for
//! actions, a [`FakeHost`], and what every runbook does.
#![allow(clippy::unwrap_used, reason = "a check of a test fails by panicking")]

mod fake_host;

use crate::Scorer;
use crate::action::Action;

pub use fake_host::FakeHost;

/// Noise in -0.5..0.5 that repeats only after a long time: fractional parts of multiples of irrational numbers.
#[must_use]
pub fn noise(row: usize, metric: usize) -> f64 {
    let step = [0.618_033_988_749, 0.414_213_562_373, 0.732_050_807_568, 0.236_067_977_499][metric % 4];
    (row as f64 * step * (1.0 + metric as f64 * 0.01) + metric as f64 * 0.377).fract() - 0.5
}

/// Columns of usual values: a level for each metric, and noise around it that is nearly normal, with a standard deviation
/// of about 1.
#[must_use]
pub fn usual_columns(metrics: usize, rows: usize) -> Vec<Vec<f64>> {
    let value = |metric: usize, row: usize| {
        let sum: f64 = (0..6).map(|part| noise(row, metric * 6 + part)).sum();
        50.0 + 10.0 * metric as f64 + sum * 1.4
    };
    (0..metrics).map(|metric| (0..rows).map(|row| value(metric, row)).collect()).collect()
}

/// Trains, and sends the model through its bytes, as the host does.
///
/// # Panics
/// Training fails, or the same rows give other bytes the second time, or the bytes do not come back as they went.
#[must_use]
pub fn trained<S: Scorer>(scorer: &S, columns: &[Vec<f64>], rows: usize) -> S::Model {
    let train = || scorer.save(&scorer.train(columns, rows).unwrap());
    let bytes = train();
    assert_eq!(bytes, train(), "the same rows give the same bytes");
    let restored = scorer.restore(&bytes).unwrap();
    assert_eq!(scorer.save(&restored), bytes, "a model comes back as it went");
    restored
}

/// The laws that every scorer over nine metrics keeps.
///
/// # Panics
/// One is broken.
pub fn check_laws<S: Scorer>(scorer: &S) {
    usual_is_low_and_wild_is_high(scorer);
    a_row_scores_the_same_in_any_batch(scorer);
    missing_metrics_are_borne_until_too_many_are(scorer);
    a_hundred_rows_are_needed(scorer);
    broken_models_are_refused(scorer);
}

fn usual_is_low_and_wild_is_high<S: Scorer>(scorer: &S) {
    let mut columns = usual_columns(9, 1000);
    let model = trained(scorer, &columns, 1000);
    columns.iter_mut().for_each(|column| column[999] += 30.0);
    let scores = scorer.score(&model, &columns, 1000);
    let usual = &scores[..999];
    assert!(usual.iter().sum::<f64>() / 999.0 < 0.3, "usual rows score low on average");
    assert!(scores[999] > 0.5 && scores[999] <= 1.0, "a wild row is beyond the limit");
    assert!(usual.iter().all(|score| (0.0..scores[999]).contains(score)), "and above all usual ones");
}

fn a_row_scores_the_same_in_any_batch<S: Scorer>(scorer: &S) {
    let columns = usual_columns(9, 700);
    let model = trained(scorer, &columns, 700);
    let together = scorer.score(&model, &columns, 700);
    for row in [0, 63, 64, 255, 256, 699] {
        let alone: Vec<Vec<f64>> = columns.iter().map(|column| vec![column[row]]).collect();
        let alone = scorer.score(&model, &alone, 1)[0];
        assert_eq!(alone.to_bits(), together[row].to_bits(), "row {row} scores the same alone");
    }
}

fn missing_metrics_are_borne_until_too_many_are<S: Scorer>(scorer: &S) {
    let mut columns = usual_columns(9, 200);
    let model = trained(scorer, &columns, 200);
    (0..4).for_each(|metric| columns[metric][0] = f64::NAN);
    (0..5).for_each(|metric| columns[metric][1] = f64::NAN);
    let scores = scorer.score(&model, &columns, 2);
    assert!(scores[0].is_finite(), "five of nine metrics are enough");
    assert!(scores[1].is_nan(), "four of nine are not");
}

fn a_hundred_rows_are_needed<S: Scorer>(scorer: &S) {
    assert!(scorer.train(&usual_columns(9, 100), 100).is_ok());
    let problem = scorer.train(&usual_columns(9, 99), 99).err();
    assert_eq!(problem.as_deref(), Some("needs 100 rows, got 99"));
}

fn broken_models_are_refused<S: Scorer>(scorer: &S) {
    let bytes = scorer.save(&trained(scorer, &usual_columns(9, 200), 200));
    for length in (0..bytes.len()).step_by(1 + bytes.len() / 1000) {
        assert!(scorer.restore(&bytes[..length]).is_err(), "the first {length} bytes are no model");
    }
    assert!(scorer.restore(&[&bytes[..], &[0]].concat()).is_err(), "nor is one with a byte too many");
}

/// An action that is one runbook starts it at its endpoint, awaits its report, and takes it back.
///
/// # Panics
/// It does something else.
pub fn check_runbook<A: Action>(runbook: &str) {
    let settings = serde_json::json!({
        "endpoints": { "default": "https://automation.example" },
        "secret": "runbooks",
    });
    let action = A::configure(serde_json::from_value(settings).unwrap()).unwrap();
    let (host, request) = (FakeHost::new().secret("runbooks", "s"), FakeHost::request("act"));
    assert_eq!(action.run(&request, &host).unwrap().effects.len(), 1, "a report is awaited");
    action.undo(&request, &host).unwrap();
    let sent = host.requests();
    assert_eq!([&sent[0].method, &sent[1].method], ["POST", "DELETE"]);
    for request in &sent {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["runbook"], runbook);
    }
}
