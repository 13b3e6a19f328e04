use super::*;
use lapwing_sdk::testing::{noise, usual_columns};

fn scorer() -> Statistics {
    Statistics::configure(Settings::default()).unwrap()
}

/// Trains, and sends the model through its bytes.
fn trained(columns: &[Vec<f64>], rows: usize) -> Profile {
    let scorer = scorer();
    let model = scorer.train(columns, rows).unwrap();
    let bytes = scorer.save(&model);
    assert_eq!(
        bytes,
        scorer.save(&scorer.train(columns, rows).unwrap()),
        "the same rows give the same bytes"
    );
    let restored = scorer.restore(&bytes).unwrap();
    assert_eq!(restored, model);
    restored
}

#[test]
fn usual_rows_score_low_and_wild_ones_high() {
    let mut columns = usual_columns(9, 500);
    let model = trained(&columns, 500);
    for column in &mut columns[..3] {
        column[499] += 30.0;
    }
    let scores = scorer().score(&model, &columns, 500);
    let usual = &scores[..499];
    assert!(usual.iter().sum::<f64>() / 499.0 < 0.3);
    assert!(scores[499] > 0.5 && usual.iter().all(|&score| score < scores[499]));
}

#[test]
fn one_wild_metric_is_enough() {
    let mut columns = usual_columns(9, 500);
    let model = trained(&columns, 500);
    columns[4][0] += 30.0;
    assert!(scorer().score(&model, &columns, 1)[0] > 0.5);
}

#[test]
fn missing_metrics_are_left_out_until_too_many_are() {
    let mut columns = usual_columns(9, 200);
    let model = trained(&columns, 200);
    (0..4).for_each(|metric| columns[metric][0] = f64::NAN);
    (0..5).for_each(|metric| columns[metric][1] = f64::NAN);
    let scores = scorer().score(&model, &columns, 2);
    assert!(scores[0].is_finite());
    assert!(scores[1].is_nan());
}

#[test]
fn a_constant_metric_is_no_division_by_zero() {
    let mut columns = usual_columns(9, 200);
    columns[0].fill(100.0);
    let model = trained(&columns, 200);
    let unmoved = scorer().score(&model, &columns, 1)[0];
    columns[0][0] = 101.0;
    let moved = scorer().score(&model, &columns, 1)[0];
    assert!(unmoved < 0.5 && moved > 0.5 && moved < 1.0, "{unmoved} {moved}");
}

#[test]
fn the_score_is_continuous_across_the_limit() {
    let columns: Vec<Vec<f64>> = vec![(0..500).map(|n| noise(n, 0)).collect()];
    let settings: Settings = serde_json::from_str(r#"{"metrics": ["m"]}"#).unwrap();
    let scorer = Statistics::configure(settings).unwrap();
    let model = scorer.train(&columns, 500).unwrap();
    let line: Vec<f64> = (0..20_000).map(|n| f64::from(n) / 1e3).collect();
    let scores = scorer.score(&model, &[line], 20_000);
    assert!(scores.windows(2).all(|pair| pair[0] <= pair[1] && pair[1] - pair[0] < 0.01));
    assert!(scores[0] < 0.1 && scores[19_999] > 0.9);
}

#[test]
fn a_hundred_rows_are_needed() {
    assert!(scorer().train(&usual_columns(9, 100), 100).is_ok());
    assert_eq!(scorer().train(&usual_columns(9, 99), 99).unwrap_err(), "needs 100 rows, got 99");
}

#[test]
fn broken_models_are_refused() {
    let scorer = scorer();
    let bytes = scorer.save(&trained(&usual_columns(9, 200), 200));
    for length in 0..bytes.len() {
        assert!(scorer.restore(&bytes[..length]).is_err(), "the first {length} bytes");
    }
    assert!(scorer.restore(&[&bytes[..], &[0]].concat()).is_err());
}

#[test]
fn bad_settings_are_named() {
    let problem = |settings: &str| {
        let settings: Settings = serde_json::from_str(settings).unwrap();
        Statistics::configure(settings).err().unwrap()
    };
    assert_eq!(
        problem(r#"{"iqr_multiplier": 0}"#),
        "iqr_multiplier is 0, it must be above 0 and at most 100"
    );
    assert_eq!(problem(r#"{"top": 0}"#), "top is 0, it must be between 1 and 64");
}
