//! Why a detection was opened, in numbers that can be checked.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::deciding::DecidingRow;
use crate::sandbox::contract::{self, Aggregate, Extent, Input};
use crate::time::Millis;

/// Everything that decided.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// The rule.
    pub rule_id: String,
    /// The rule, for people.
    pub rule_name: String,
    /// Every condition that was looked at.
    pub conditions: Vec<ConditionEvidence>,
    /// The values of the rule's parameters for this system.
    pub parameters: Map<String, Value>,
    /// The plugin's own settings.
    pub settings: Value,
    /// What the plugin reads.
    #[serde(default)]
    pub inputs: Vec<InputEvidence>,
    /// The matches that decided, oldest first, at most ten: what the plugin was shown.
    #[serde(default)]
    pub deciding: Vec<DecidingRow>,
    /// Who judged.
    pub plugin: PluginEvidence,
    /// Matches that the rule asks for.
    pub min_occurrences: u32,
    /// Within so many seconds, for this system.
    pub window_s: f64,
    /// The share of the last ten rows that matched.
    pub matched_share: f64,
    /// How unusual the sample was.
    pub anomaly: ScoreEvidence,
    /// The time of the sample that opened it, by its sender; null when silence did.
    pub sample_timestamp: Option<Millis>,
    /// As the sample said, or the last one before the silence.
    pub health_status: Option<String>,
    /// The custom metrics of the sample, or of the last one before the silence.
    pub custom_metrics: Map<String, Value>,
    /// Who is gone, if it is about many systems.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupEvidence>,
    /// What the host found when it knocked, if it is about one that is silent, and is to be probed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeEvidence>,
}

/// What the host found when it knocked at a system that is silent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeEvidence {
    /// Where: `tcp://db-1.lan:5432`.
    pub target: String,
    /// Whether somebody answered.
    pub answered: bool,
    /// How: `connected`, `status 200`, `unreachable: connection refused`, `timeout`.
    pub result: String,
    /// How long that took, in milliseconds.
    pub took_ms: f64,
    /// When.
    pub at: Millis,
}

/// Systems that are gone together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupEvidence {
    /// What they have in common: `zone`, `system_type`.
    pub label: String,
    /// Its value.
    pub value: String,
    /// How many are gone.
    pub gone: usize,
    /// How many there are with this label.
    pub population: u32,
    /// The first hundred of them, by name.
    pub members: Vec<String>,
    /// How often that has changed.
    pub changes: u64,
}

/// One condition on the row that opened the detection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConditionEvidence {
    /// What was observed: a metric, a fact about the heartbeat.
    pub metric: String,
    /// Over what, if it is an aggregate: "mean of 10 samples".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// The value; null if missing.
    pub observed: Option<f64>,
    /// How it was compared.
    pub relation: Relation,
    /// With what; null if missing.
    pub expected: Option<f64>,
    /// How far beyond the expected value, positive where the condition is met with room to spare.
    pub margin: Option<f64>,
    /// How that came out.
    pub outcome: Outcome,
}

/// How an observed value is compared with the expected one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// More than.
    Above,
    /// As much as, or more.
    AtLeast,
    /// Less than.
    Below,
    /// As much as, or less.
    AtMost,
    /// The same.
    Equal,
}

/// How a condition came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Met,
    /// It does not.
    Unmet,
    /// A value is missing.
    Unknown,
}

/// The plugin that judged, so that the verdict can be repeated.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PluginEvidence {
    /// Its name.
    pub name: String,
    /// SHA-256 of the component.
    pub digest: String,
    /// The contract version it is written against.
    pub contract: String,
}

/// Anomaly scores; null where a scorer cannot say.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ScoreEvidence {
    /// The weighted mean.
    pub combined: Option<f64>,
    /// By scorer.
    pub by_scorer: Map<String, Value>,
    /// The metrics that made the score what it is, those that did most first.
    #[serde(default)]
    pub contributions: Vec<Contribution>,
}

/// How much of a combined score is due to one metric: how far the score falls if the metric is what it usually is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// Which.
    pub metric: String,
    /// What it was.
    pub value: f64,
    /// The mean of what the model was trained on.
    pub usual: f64,
    /// How much lower the combined score would be.
    pub score: f64,
}

/// An input that a plugin declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputEvidence {
    /// What is observed: a metric, a fact about the heartbeat, a parameter.
    pub metric: String,
    /// Over what, if it is an aggregate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
}

impl InputEvidence {
    /// An input in words.
    #[must_use]
    pub fn new(input: &Input) -> Self {
        let (metric, window) = words(input);
        Self { metric, window }
    }
}

impl ConditionEvidence {
    /// Puts the rule's own account of a condition beside what it declared.
    #[must_use]
    pub fn new(condition: &contract::Condition, inputs: &[Input]) -> Self {
        let known = |value: f64| (!value.is_nan()).then_some(value);
        let (metric, window) = match inputs.get(condition.input as usize) {
            Some(input) => words(input),
            None => (format!("input {}", condition.input), None),
        };
        let (relation, margin) = match condition.relation {
            contract::Relation::Above => (Relation::Above, condition.observed - condition.expected),
            contract::Relation::AtLeast => (Relation::AtLeast, condition.observed - condition.expected),
            contract::Relation::Below => (Relation::Below, condition.expected - condition.observed),
            contract::Relation::AtMost => (Relation::AtMost, condition.expected - condition.observed),
            contract::Relation::Equal => (Relation::Equal, f64::NAN),
        };
        let outcome = match condition.outcome {
            contract::Outcome::Met => Outcome::Met,
            contract::Outcome::Unmet => Outcome::Unmet,
            contract::Outcome::Unknown => Outcome::Unknown,
        };
        let (observed, expected) = (known(condition.observed), known(condition.expected));
        Self { metric, window, observed, relation, expected, margin: known(margin), outcome }
    }
}

/// What an input is of, and over what.
#[must_use]
pub fn words(input: &Input) -> (String, Option<String>) {
    match input {
        Input::Latest(metric) => (metric.clone(), None),
        Input::Over(windowed) => {
            let aggregate = match windowed.aggregate {
                Aggregate::Count => "count",
                Aggregate::Sum => "sum",
                Aggregate::Mean => "mean",
                Aggregate::Std => "standard deviation",
                Aggregate::Min => "minimum",
                Aggregate::Max => "maximum",
            };
            let extent = |extent: Extent| match extent {
                Extent::Samples(samples) => format!("{samples} samples"),
                Extent::Seconds(seconds) => format!("{seconds} s"),
            };
            let offset = match windowed.offset {
                Extent::Samples(0) => String::new(),
                Extent::Seconds(0.0) => String::new(),
                offset => format!(" before the last {}", extent(offset)),
            };
            (windowed.metric.clone(), Some(format!("{aggregate} of {}{offset}", extent(windowed.span))))
        }
        Input::Equals(test) => (format!("{} = {}", test.metric, test.literal), None),
        Input::Heartbeat(fact) => {
            let name = match fact {
                contract::Heartbeat::SilenceS => "silence_s",
                contract::Heartbeat::ExpectedIntervalS => "expected_interval_s",
                contract::Heartbeat::SilenceLimitS => "silence_limit_s",
                contract::Heartbeat::LatenessS => "lateness_s",
                contract::Heartbeat::Suspicion => "suspicion",
                contract::Heartbeat::Alive => "alive",
            };
            (name.to_owned(), None)
        }
        Input::Parameter(name) => (name.clone(), None),
        Input::Timestamp => ("timestamp".to_owned(), None),
    }
}
