use super::*;

fn rule(settings: &str) -> Result<Conditions, String> {
    let settings = serde_json::from_str(settings).map_err(|error| error.to_string())?;
    Conditions::configure(settings)
}

fn outcome(settings: &str, columns: &[f64]) -> Outcome {
    let columns: Vec<Vec<f64>> = columns.iter().map(|&value| vec![value]).collect();
    rule(settings).unwrap().outcome(&columns, 0)
}

#[test]
fn min_and_max_include_their_limits() {
    let between = r#"{"conditions": {"queue_depth": {"min": 10, "max": 20}}}"#;
    assert_eq!(outcome(between, &[10.0, 10.0]), Outcome::Met);
    assert_eq!(outcome(between, &[20.0, 20.0]), Outcome::Met);
    assert_eq!(outcome(between, &[20.1, 20.1]), Outcome::Unmet);
    assert_eq!(outcome(between, &[f64::NAN, f64::NAN]), Outcome::Unknown);
}

#[test]
fn factors_compare_recent_with_baseline() {
    let doubled = r#"{"conditions": {"queue_depth": {"increase_factor": 2}}}"#;
    assert_eq!(outcome(doubled, &[20.0, 10.0]), Outcome::Met);
    assert_eq!(outcome(doubled, &[19.9, 10.0]), Outcome::Unmet);
    assert_eq!(outcome(doubled, &[20.0, 0.0]), Outcome::Unknown, "no factor of nothing");
    let halved = r#"{"conditions": {"queue_depth": {"decrease_factor": 0.5}}}"#;
    assert_eq!(outcome(halved, &[5.0, 10.0]), Outcome::Met);
}

#[test]
fn facts_of_the_heartbeat_have_names() {
    let silent = r#"{"conditions": {"heartbeat.silence_s": {"min": 30}, "silence_s": {"max": 1}}}"#;
    assert_eq!(outcome(silent, &[30.0, 1.0]), Outcome::Met);
    let declared = rule(silent).unwrap().inputs();
    let expected: [Declared; 2] = [silence_s(), latest("silence_s")];
    assert_eq!(format!("{declared:?}"), format!("{expected:?}"));
    let problem = rule(r#"{"conditions": {"heartbeat.alive": {"increase_factor": 2}}}"#).err().unwrap();
    assert!(problem.starts_with("conditions.heartbeat.alive: a fact about the heartbeat takes"), "{problem}");
}

#[test]
fn any_needs_one_and_all_needs_all() {
    let any = r#"{"match": "any", "conditions": {"a": {"min": 1}, "b": {"equals": true}}}"#;
    let all = r#"{"match": "all", "conditions": {"a": {"min": 1}, "b": {"equals": true}}}"#;
    assert_eq!(outcome(any, &[1.0, 0.0]), Outcome::Met);
    assert_eq!(outcome(all, &[1.0, 0.0]), Outcome::Unmet);
    assert_eq!(outcome(all, &[1.0, f64::NAN]), Outcome::Unknown);
}

#[test]
fn bad_settings_name_the_metric() {
    let problem = |settings| rule(settings).err().unwrap();
    assert_eq!(problem(r#"{"conditions": {}}"#), "conditions: there are none; give at least one metric");
    assert_eq!(
        problem(r#"{"conditions": {"cpu": {}}}"#),
        "conditions.cpu: nothing is asked; give equals, min, max, increase_factor or decrease_factor"
    );
    assert_eq!(
        problem(r#"{"conditions": {"cpu": {"increase_factor": 0}}}"#),
        "conditions.cpu: increase_factor is 0, it must be greater than 0"
    );
    assert!(problem(r#"{"conditions": {"cpu": {"above": 3}}}"#).contains("above"));
}
