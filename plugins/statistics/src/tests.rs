use super::*;
use lapwing_sdk::testing::{check_laws, noise, trained, usual_columns};

fn scorer() -> Statistics {
    Statistics::configure(Settings::default()).unwrap()
}

#[test]
fn it_keeps_the_laws_of_scorers() {
    check_laws(&scorer());
}

#[test]
fn one_wild_metric_is_enough() {
    let mut columns = usual_columns(9, 500);
    let model = trained(&scorer(), &columns, 500);
    columns[4][0] += 30.0;
    assert!(scorer().score(&model, &columns, 1)[0] > 0.5);
}

#[test]
fn a_constant_metric_is_no_division_by_zero() {
    let mut columns = usual_columns(9, 200);
    columns[0].fill(100.0);
    let model = trained(&scorer(), &columns, 200);
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
