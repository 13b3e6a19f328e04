use super::*;
use lapwing_sdk::testing::{check_laws, trained, usual_columns};

fn scorer() -> IsolationForest {
    IsolationForest::configure(Settings::default()).unwrap()
}

#[test]
fn it_keeps_the_laws_of_scorers() {
    check_laws(&scorer());
}

#[test]
fn the_contamination_is_the_share_beyond_the_limit() {
    let columns = usual_columns(9, 1000);
    let scores = scorer().score(&trained(&scorer(), &columns, 1000), &columns, 1000);
    let beyond = scores.iter().filter(|&&score| score > 0.5).count();
    assert!((80..=120).contains(&beyond), "{beyond} of 1000");
}

#[test]
fn a_constant_metric_that_moves_shows() {
    let mut columns = usual_columns(9, 200);
    columns[0].fill(100.0);
    let model = trained(&scorer(), &columns, 200);
    let mean = |columns: &[Vec<f64>]| scorer().score(&model, columns, 200).iter().sum::<f64>() / 200.0;
    let unmoved = mean(&columns);
    columns[0].fill(110.0);
    let moved = mean(&columns);
    assert!(moved > unmoved + 0.05, "{unmoved} {moved}");
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
