use super::*;
use lapwing_sdk::testing::usual_columns;

fn scorer() -> IsolationForest {
    IsolationForest::configure(Settings::default()).unwrap()
}

/// Trains, and sends the model through its bytes.
fn trained(columns: &[Vec<f64>], rows: usize) -> Forest {
    let scorer = scorer();
    let bytes = scorer.save(&scorer.train(columns, rows).unwrap());
    assert_eq!(
        bytes,
        scorer.save(&scorer.train(columns, rows).unwrap()),
        "the same rows give the same bytes"
    );
    let restored = scorer.restore(&bytes).unwrap();
    assert_eq!(scorer.save(&restored), bytes);
    restored
}

#[test]
fn usual_rows_score_low_and_wild_ones_high() {
    let mut columns = usual_columns(9, 1000);
    let model = trained(&columns, 1000);
    for column in &mut columns {
        column[999] += 30.0;
    }
    let scores = scorer().score(&model, &columns, 1000);
    let usual = &scores[..999];
    assert!(usual.iter().sum::<f64>() / 999.0 < 0.3);
    assert!(scores[999] > 0.5 && usual.iter().all(|&score| score < scores[999]));
}

#[test]
fn the_contamination_is_the_share_beyond_the_limit() {
    let columns = usual_columns(9, 1000);
    let scores = scorer().score(&trained(&columns, 1000), &columns, 1000);
    let beyond = scores.iter().filter(|&&score| score > 0.5).count();
    assert!((80..=120).contains(&beyond), "{beyond} of 1000");
}

#[test]
fn a_row_scores_the_same_in_any_batch() {
    let columns = usual_columns(9, 700);
    let model = trained(&columns, 700);
    let together = scorer().score(&model, &columns, 700);
    for row in [0, 255, 256, 699] {
        let alone: Vec<Vec<f64>> = columns.iter().map(|column| vec![column[row]]).collect();
        assert_eq!(scorer().score(&model, &alone, 1)[0].to_bits(), together[row].to_bits());
    }
}

#[test]
fn a_missing_metric_counts_as_typical_until_too_many_are() {
    let mut columns = usual_columns(9, 200);
    let model = trained(&columns, 200);
    (0..4).for_each(|metric| columns[metric][0] = f64::NAN);
    (0..5).for_each(|metric| columns[metric][1] = f64::NAN);
    let scores = scorer().score(&model, &columns, 2);
    assert!(scores[0].is_finite());
    assert!(scores[1].is_nan());
}

#[test]
fn a_constant_metric_that_moves_shows() {
    let mut columns = usual_columns(9, 200);
    columns[0].fill(100.0);
    let model = trained(&columns, 200);
    let mean = |columns: &[Vec<f64>]| scorer().score(&model, columns, 200).iter().sum::<f64>() / 200.0;
    let unmoved = mean(&columns);
    columns[0].fill(110.0);
    let moved = mean(&columns);
    assert!(moved > unmoved + 0.05, "{unmoved} {moved}");
}

#[test]
fn a_hundred_rows_are_needed() {
    assert!(scorer().train(&usual_columns(9, 100), 100).is_ok());
    assert_eq!(scorer().train(&usual_columns(9, 99), 99).err().unwrap(), "needs 100 rows, got 99");
}

#[test]
fn broken_models_are_refused() {
    let settings: Settings = serde_json::from_str(r#"{"trees": 2, "subsample": 16}"#).unwrap();
    let scorer = IsolationForest::configure(settings).unwrap();
    let bytes = scorer.save(&scorer.train(&usual_columns(9, 200), 200).unwrap());
    for length in 0..bytes.len() {
        assert!(scorer.restore(&bytes[..length]).is_err(), "the first {length} bytes");
    }
    assert!(scorer.restore(&[&bytes[..], &[0]].concat()).is_err());
}

#[test]
fn bad_settings_are_named() {
    let problem = |settings: &str| match serde_json::from_str::<Settings>(settings) {
        Ok(settings) => IsolationForest::configure(settings).err().unwrap(),
        Err(error) => error.to_string(),
    };
    assert_eq!(
        problem(r#"{"contamination": 0.7}"#),
        "contamination is 0.7, it must be above 0 and at most 0.5"
    );
    assert_eq!(problem(r#"{"trees": 0}"#), "trees is 0, it must be between 1 and 1000");
    assert!(problem(r#"{"metrics": ["a", "a"]}"#).contains("`a` is listed twice"));
}
