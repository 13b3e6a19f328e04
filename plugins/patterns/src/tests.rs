use super::*;
use lapwing_sdk::testing::{check_laws, noise, trained, usual_columns};

fn scorer() -> PatternScorer {
    PatternScorer::configure(Settings::default()).unwrap()
}

#[test]
fn it_keeps_the_laws_of_scorers() {
    check_laws(&scorer());
}

#[test]
fn every_large_cluster_is_a_way_to_be_normal_and_between_them_is_not() {
    let day_and_night = |row: usize| if row.is_multiple_of(2) { 20.0 } else { 60.0 };
    let mut columns: Vec<Vec<f64>> =
        (0..9).map(|metric| (0..400).map(|row| day_and_night(row) + noise(row, metric)).collect()).collect();
    let model = trained(&scorer(), &columns, 400);
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
    let model = trained(&scorer(), &columns, 400);
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
fn a_constant_metric_is_no_division_by_zero() {
    let mut columns = usual_columns(9, 200);
    columns[0].fill(100.0);
    let model = trained(&scorer(), &columns, 200);
    columns[0][0] = 102.0;
    let moved = scorer().score(&model, &columns, 1)[0];
    assert!(moved > 0.5 && moved < 1.0, "{moved}");
}
