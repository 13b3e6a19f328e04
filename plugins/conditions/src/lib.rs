//! Conditions written as configuration, without code.
//!
//! ```json
//! { "match": "all", "conditions": { "queue_depth": { "min": 100 }, "throughput": { "decrease_factor": 0.5 } } }
//! ```

mod settings;

use lapwing_sdk::BatchRule;
use lapwing_sdk::input::Declared;
use lapwing_sdk::judgement::Condition;
use lapwing_sdk::prelude::*;
use lapwing_sdk::rule::{Verdicts, verdicts};

pub use settings::{Settings, Test};

/// Recent: the last ten samples.
const RECENT: u32 = 10;
/// Baseline: those before them, of the thousand that the host keeps.
const BASELINE: u32 = 990;

/// The rule: tests of inputs, all or any of which must hold.
pub struct Conditions {
    join: Match,
    inputs: Vec<Declared>,
    tests: Vec<Bound>,
}

/// A test whose inputs have their places.
#[derive(Clone, Copy)]
enum Bound {
    IsTrue { observed: usize },
    Equals { observed: usize, expected: f64 },
    Min { observed: usize, expected: f64 },
    Max { observed: usize, expected: f64 },
    IncreaseFactor { recent: usize, baseline: usize, factor: f64 },
    DecreaseFactor { recent: usize, baseline: usize, factor: f64 },
}

impl Conditions {
    /// The place of an input, which is declared once however many tests read it.
    fn place(inputs: &mut Vec<Declared>, input: impl Into<Declared>) -> usize {
        inputs.push(input.into());
        inputs.len() - 1
    }

    fn bind(inputs: &mut Vec<Declared>, metric: &str, test: &Test) -> Bound {
        let recent_and_baseline = |inputs: &mut Vec<Declared>| {
            let recent = Self::place(inputs, mean(metric).last(RECENT));
            (recent, Self::place(inputs, mean(metric).last(BASELINE).before(RECENT)))
        };
        match *test {
            Test::EqualsText(ref literal) => {
                Bound::IsTrue { observed: Self::place(inputs, equals(metric, literal)) }
            }
            Test::EqualsNumber(expected) => {
                Bound::Equals { observed: Self::place(inputs, value(metric)), expected }
            }
            Test::Min(expected) => Bound::Min { observed: Self::place(inputs, value(metric)), expected },
            Test::Max(expected) => Bound::Max { observed: Self::place(inputs, value(metric)), expected },
            Test::IncreaseFactor(factor) => {
                let (recent, baseline) = recent_and_baseline(inputs);
                Bound::IncreaseFactor { recent, baseline, factor }
            }
            Test::DecreaseFactor(factor) => {
                let (recent, baseline) = recent_and_baseline(inputs);
                Bound::DecreaseFactor { recent, baseline, factor }
            }
        }
    }

    fn condition(test: Bound, columns: &[Vec<f64>], row: usize) -> Condition {
        let reading = |input: usize| Reading::new(input as u32, columns[input][row]);
        match test {
            Bound::IsTrue { observed } => reading(observed).is_true(),
            Bound::Equals { observed, expected } => reading(observed).equal(expected),
            Bound::Min { observed, expected } => reading(observed).at_least(expected),
            Bound::Max { observed, expected } => reading(observed).at_most(expected),
            Bound::IncreaseFactor { recent, baseline, factor } => {
                reading(recent).at_least(positive(reading(baseline)) * factor)
            }
            Bound::DecreaseFactor { recent, baseline, factor } => {
                reading(recent).at_most(positive(reading(baseline)) * factor)
            }
        }
    }

    fn outcome(&self, columns: &[Vec<f64>], row: usize) -> Outcome {
        let outcomes = self.tests.iter().map(|&test| Self::condition(test, columns, row).outcome());
        match self.join {
            Match::Any => outcomes.fold(Outcome::Unmet, Outcome::max),
            Match::All => outcomes.fold(Outcome::Met, Outcome::min),
        }
    }
}

/// The newest value of a metric, or a fact about the heartbeat.
fn value(metric: &str) -> Declared {
    fact(metric).unwrap_or_else(|| latest(metric))
}

/// A fact about the heartbeat, by name: `heartbeat.silence_s`.
fn fact(name: &str) -> Option<Declared> {
    Some(match name.strip_prefix("heartbeat.")? {
        "silence_s" => silence_s(),
        "expected_interval_s" => expected_interval_s(),
        "silence_limit_s" => silence_limit_s(),
        "lateness_s" => lateness_s(),
        "suspicion" => suspicion(),
        "alive" => alive(),
        _ => return None,
    })
}

/// A factor of nothing says nothing: a baseline that is not positive counts as missing.
fn positive(baseline: Reading) -> f64 {
    baseline.value().filter(|&value| value > 0.0).unwrap_or(f64::NAN)
}

impl BatchRule for Conditions {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, String> {
        let tests = settings.tests()?;
        for (name, test) in &tests {
            let of_number = matches!(test, Test::EqualsNumber(_) | Test::Min(_) | Test::Max(_));
            if !of_number && fact(name).is_some() {
                return Err(format!(
                    "conditions.{name}: a fact about the heartbeat takes a number for `equals`, `min` or `max`"
                ));
            }
        }
        let mut inputs = Vec::new();
        let tests = tests.iter().map(|(metric, test)| Self::bind(&mut inputs, metric, test)).collect();
        Ok(Self { join: settings.join, inputs, tests })
    }

    fn describe(&self) -> Description {
        Description {
            name: "Conditions",
            description: "Conditions over metrics, written as configuration",
            detection_type: DetectionType::PerformanceDegradation,
            severity: Severity::Medium,
            window_s: 60,
            min_occurrences: 1,
            actions: &["send_alert"],
        }
    }

    fn inputs(&self) -> Vec<Declared> {
        self.inputs.clone()
    }

    fn evaluate(&self, columns: &[Vec<f64>], rows: usize) -> Result<Verdicts, String> {
        if columns.len() != self.inputs.len() || columns.iter().any(|column| column.len() < rows) {
            return Err("fewer columns or values than declared".to_owned());
        }
        Ok(verdicts(rows, |row| self.outcome(columns, row)))
    }

    fn conditions(&self, columns: &[Vec<f64>], row: usize) -> Result<Vec<Condition>, String> {
        if columns.len() != self.inputs.len() || columns.iter().any(|column| column.len() <= row) {
            return Err("fewer columns or values than declared".to_owned());
        }
        Ok(self.tests.iter().map(|&test| Self::condition(test, columns, row)).collect())
    }
}

lapwing_sdk::export_rule!(Conditions);

#[cfg(test)]
mod tests;
