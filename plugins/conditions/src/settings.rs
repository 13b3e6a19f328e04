//! The settings: which metrics, and what of each.

use std::collections::BTreeMap;

use lapwing_sdk::Match;
use serde::Deserialize;

/// The host hands over at most 64 columns, and a factor takes two.
const TESTS_MAX: usize = 32;

/// The plugin's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether one condition is enough or all must hold.
    #[serde(rename = "match", default)]
    pub join: Match,
    /// Metric name to what is asked of it.
    pub conditions: BTreeMap<String, Asked>,
}

/// What is asked of one metric; each field given is a test of its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Asked {
    equals: Option<Literal>,
    min: Option<f64>,
    max: Option<f64>,
    increase_factor: Option<f64>,
    decrease_factor: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "`equals` takes a text, a number or a boolean")]
enum Literal {
    Boolean(bool),
    Number(f64),
    Text(String),
}

/// One test of one metric.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// The text is this one.
    EqualsText(String),
    /// The number, or the boolean as 1 or 0, is this one.
    EqualsNumber(f64),
    /// The value is this or more.
    Min(f64),
    /// The value is this or less.
    Max(f64),
    /// The mean of the last ten samples is at least so many times the baseline's.
    IncreaseFactor(f64),
    /// The mean of the last ten samples is at most so many times the baseline's.
    DecreaseFactor(f64),
}

impl Settings {
    /// Every test, by metric name.
    ///
    /// # Errors
    /// A sentence that names the metric and what would be right.
    pub fn tests(&self) -> Result<Vec<(String, Test)>, String> {
        let mut tests = Vec::new();
        for (metric, asked) in &self.conditions {
            let of_metric = asked.tests().map_err(|problem| format!("conditions.{metric}: {problem}"))?;
            tests.extend(of_metric.into_iter().map(|test| (metric.clone(), test)));
        }
        match tests.len() {
            0 => Err("conditions: there are none; give at least one metric".to_owned()),
            1..=TESTS_MAX => Ok(tests),
            many => Err(format!("conditions: {many} tests, at most {TESTS_MAX} are allowed")),
        }
    }
}

impl Asked {
    fn tests(&self) -> Result<Vec<Test>, String> {
        let factor = |name: &str, factor: Option<f64>| match factor {
            Some(factor) if factor <= 0.0 => Err(format!("{name} is {factor}, it must be greater than 0")),
            factor => Ok(factor),
        };
        let equals = self.equals.clone().map(|literal| match literal {
            Literal::Boolean(boolean) => Test::EqualsNumber(f64::from(u8::from(boolean))),
            Literal::Number(number) => Test::EqualsNumber(number),
            Literal::Text(text) => Test::EqualsText(text),
        });
        let tests: Vec<Test> = [
            equals,
            self.min.map(Test::Min),
            self.max.map(Test::Max),
            factor("increase_factor", self.increase_factor)?.map(Test::IncreaseFactor),
            factor("decrease_factor", self.decrease_factor)?.map(Test::DecreaseFactor),
        ]
        .into_iter()
        .flatten()
        .collect();
        if tests.is_empty() {
            return Err(
                "nothing is asked; give equals, min, max, increase_factor or decrease_factor".to_owned()
            );
        }
        Ok(tests)
    }
}
