use super::*;
use lapwing_sdk::testing::{noise, usual_columns};

fn scorer() -> PatternScorer {
    PatternScorer::configure(Settings::default()).unwrap()
}

/// Trains, and sends the model through its bytes.
fn trained(columns: &[Vec<f64>], rows: usize) -> Patterns {
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
fn every_large_cluster_is_a_way_to_be_normal_and_between_them_is_not() {
    let day_and_night = |row: usize| if row.is_multiple_of(2) { 20.0 } else { 60.0 };
    let mut columns: Vec<Vec<f64>> =
        (0..9).map(|metric| (0..400).map(|row| day_and_night(row) + noise(row, metric)).collect()).collect();
    let model = trained(&columns, 400);
    let usual = scorer().score(&model, &columns, 400);
    assert!(usual.iter().sum::<f64>() / 400.0 < 0.3);
    columns.iter_mut().for_each(|column| column[0] = 40.0);
    assert!(scorer().score(&model, &columns, 1)[0] > 0.9, "the mean of all rows is like none of them");
}

#[test]
fn a_small_cluster_is_an_anomaly_that_recurs() {
    let level = |row: usize| if row.is_multiple_of(20) { 90.0 } else { 50.0 };
    let columns: Vec<Vec<f64>> =
        (0..9).map(|metric| (0..400).map(|row| level(row) + noise(row, metric)).collect()).collect();
    let model = trained(&columns, 400);
    let scores = scorer().score(&model, &columns, 2);
    assert!(scores[0] > 0.5 && scores[1] < 0.5, "{scores:?}");
}

#[test]
fn noise_is_no_pattern() {
    let scattered: Vec<Vec<f64>> =
        (0..40).map(|row| vec![f64::from(row) * 100.0, f64::from(row % 7) * 100.0]).collect();
    assert!(cluster::clusters(&scattered, 0.5, 5).unwrap().is_empty());
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
    columns[0][0] = 102.0;
    let moved = scorer().score(&model, &columns, 1)[0];
    assert!(moved > 0.5 && moved < 1.0, "{moved}");
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
}
