//! Why an alert that somebody expected did not come: the road of a sample once more, step by step, until one says no.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ChangeError, Service};
use crate::catalog::{ColumnSource, Rule};
use crate::detections::{ConditionEvidence, Gate, Outcome, Transition, Watch};
use crate::history::{Fate, Systems};
use crate::ingest::{BodyRows, Decoder, SampleBatch};
use crate::time::Millis;

/// What each step says.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WhyNot {
    /// Which system.
    pub system_id: String,
    /// Which rule.
    pub rule_id: String,
    /// About which time.
    #[schema(value_type = String, format = DateTime)]
    pub at: Millis,
    /// The step that stopped it, in one sentence; or that nothing did.
    pub answer: String,
    /// The steps that were looked at, in order; the last one is where it stopped.
    pub steps: Vec<WhyNotStep>,
    /// The detection that covers the time, if there is one.
    pub detection_id: Option<Uuid>,
}

/// One step.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WhyNotStep {
    /// `rule`, `scope`, `input`, `condition`, `occurrences`, `detection`, `silence`, `inhibition`, `route`, `delivery`.
    pub step: &'static str,
    /// Whether it let the alert pass.
    pub passed: bool,
    /// What it says.
    pub detail: String,
}

/// Steps so far. An `Err` is the step that stopped it.
type Stopped = Result<(), ()>;

struct Steps(Vec<WhyNotStep>);

impl Steps {
    fn pass(&mut self, step: &'static str, detail: impl Into<String>) {
        self.0.push(WhyNotStep { step, passed: true, detail: detail.into() });
    }

    fn stop(&mut self, step: &'static str, detail: impl Into<String>) -> Stopped {
        self.0.push(WhyNotStep { step, passed: false, detail: detail.into() });
        Err(())
    }
}

/// The lines of a case's history that say that nobody was told, and the step that they belong to.
const HELD: [(&str, &str); 8] = [
    ("silenced", "silence"),
    ("maintenance", "silence"),
    ("muted", "silence"),
    ("inhibited", "inhibition"),
    ("depends_on", "inhibition"),
    ("flapping", "inhibition"),
    ("no_route", "route"),
    ("undeliverable", "delivery"),
];

impl Service {
    /// Says at which step an alert of this rule about this system at this time stopped.
    ///
    /// # Errors
    /// There is no such rule or system.
    pub fn why_not(&self, system_id: &str, rule_id: &str, at: Millis) -> Result<WhyNot, ChangeError> {
        let mut steps = Steps(Vec::new());
        let detection_id = self.ledger().covering(system_id, rule_id, at);
        let came_through = match detection_id {
            Some(id) => self.after_detection(id, &mut steps).is_ok(),
            None => self.before_detection(system_id, rule_id, at, &mut steps)?.is_ok(),
        };
        let last = steps.0.last().map_or_else(String::new, |last| format!("{}: {}", last.step, last.detail));
        let answer = if came_through { format!("nothing stopped it; {last}") } else { last };
        Ok(WhyNot {
            system_id: system_id.to_owned(),
            rule_id: rule_id.to_owned(),
            at,
            answer,
            steps: steps.0,
            detection_id,
        })
    }

    /// There was a detection: what was done about it is in its history.
    fn after_detection(&self, id: Uuid, steps: &mut Steps) -> Stopped {
        steps.pass("detection", format!("detection {id} covers that time"));
        let case = self.tables.cases.get(&id).ok().flatten().unwrap_or_default();
        let told = case.history.iter().rev().find(|entry| entry.what == "delivered");
        if let Some(entry) = told {
            steps.pass(
                "delivery",
                format!("{} at {}", entry.note.as_deref().unwrap_or("delivered"), entry.at),
            );
            return Ok(());
        }
        for entry in case.history.iter().rev() {
            if let Some((what, step)) = HELD.iter().find(|(what, _)| *what == entry.what) {
                let note = entry.note.as_deref().map_or(String::new(), |note| format!(": {note}"));
                return steps.stop(step, format!("{what}{note}, at {}", entry.at));
            }
        }
        if case.history.iter().any(|entry| entry.what == "notified") {
            return steps.stop("delivery", "it is owed, and has not been delivered yet");
        }
        steps.stop("route", "its rule does not ask for send_alert, or no route takes it")
    }

    /// There was none: the samples kept are judged again.
    fn before_detection(
        &self,
        system_id: &str,
        rule_id: &str,
        at: Millis,
        steps: &mut Steps,
    ) -> Result<Stopped, ChangeError> {
        let unknown = |what, name: &str| ChangeError::Unknown { what, name: name.to_owned() };
        let catalog = self.shared.catalog();
        let Some(rule) = catalog.rules.iter().find(|rule| *rule.rule_id == *rule_id) else {
            let disabled = catalog.disabled_rules.iter().any(|rule| rule.rule_id == rule_id);
            if disabled {
                return Ok(steps.stop("rule", "the rule is disabled"));
            }
            return Err(unknown("rule", rule_id));
        };
        steps.pass("rule", "the rule is in force");
        let summary = self.system(system_id).ok_or_else(|| unknown("system", system_id))?;
        let system_type =
            catalog.types.number(&summary.system_type).map_err(|_| unknown("system", system_id))?;
        let Some(parameters) = rule.scopes.of(system_id, crate::model::TypeId(system_type)) else {
            return Ok(steps.stop("scope", format!("the rule does not apply to {system_id}")));
        };
        steps.pass("scope", format!("the rule applies to {system_id}"));
        let samples = self.kept_samples(system_id, &summary.system_type);
        Ok(self.judge_again(rule, &parameters, &samples, at, steps))
    }

    /// What is kept of a system, as samples. Texts are not kept.
    fn kept_samples(&self, system_id: &str, system_type: &str) -> SampleBatch {
        let catalog = self.shared.catalog();
        let kept = self.history(system_id, usize::MAX).map(|page| page.samples).unwrap_or_default();
        let line = |sample: serde_json::Map<String, Value>| {
            let mut built_in = serde_json::Map::new();
            let mut custom = serde_json::Map::new();
            for (name, value) in sample {
                let is_custom = name != "timestamp"
                    && catalog
                        .metrics
                        .number(&name)
                        .is_ok_and(|id| !crate::model::MetricId(id).is_built_in());
                if is_custom {
                    custom.insert(name, value)
                } else {
                    built_in.insert(name, value)
                };
            }
            built_in.insert("system_id".to_owned(), json!(system_id));
            built_in.insert("system_type".to_owned(), json!(system_type));
            built_in.insert("custom_metrics".to_owned(), Value::Object(custom));
            Value::Object(built_in).to_string()
        };
        let body = kept.into_iter().map(line).collect::<Vec<_>>().join("\n");
        let mut decoder = Decoder::new(catalog.metrics.clone(), catalog.types.clone(), catalog.ids.clone());
        BodyRows::read(body.as_bytes(), &mut decoder, Millis(i64::MAX), 0).samples
    }

    fn judge_again(
        &self,
        rule: &Rule,
        parameters: &[f64],
        samples: &SampleBatch,
        at: Millis,
        steps: &mut Steps,
    ) -> Stopped {
        let catalog = self.shared.catalog();
        let mut systems = Systems::new(
            catalog.plan.clone(),
            Arc::clone(&catalog.agreements),
            catalog.config.history.max_data_points,
            0,
        );
        let mut columns = vec![Vec::new(); catalog.plan.width()];
        let (mut times, mut interval_s) = (Vec::new(), 0.0);
        for row in 0..samples.len() {
            let sample = samples.sample(row);
            if sample.time > at {
                break;
            }
            let taken = systems.take(&sample, sample.time, sample.time, &mut columns);
            if let Ok((index, Fate::Judged)) = taken {
                times.push(sample.time);
                interval_s =
                    Some(systems.get(index).expected_interval_s()).filter(|s| !s.is_nan()).unwrap_or(0.0);
            }
        }
        let gate = Gate {
            min_occurrences: rule.min_occurrences,
            window_s: rule.window_s,
            reopen_within_s: catalog.config.detections.reopen_within_s,
        };
        let window_s = gate.window_for(interval_s);
        let Some(&newest) = times.last().filter(|newest| at.seconds_since(**newest) <= window_s) else {
            let newest =
                times.last().map_or("none is kept".to_owned(), |time| format!("the one before is of {time}"));
            return steps.stop("input", format!("no sample within the {window_s} s before; {newest}"));
        };
        steps.pass("input", format!("the newest sample then was of {newest}"));
        let parameter_columns: Vec<Vec<f64>> =
            parameters.iter().map(|&value| vec![value; times.len()]).collect();
        let read = |range: std::ops::Range<usize>| -> Vec<&[f64]> {
            let column = |source: &ColumnSource| match source {
                ColumnSource::Plan(column) => &columns[*column][range.clone()],
                ColumnSource::Parameter(place) => &parameter_columns[*place][range.clone()],
            };
            rule.columns.iter().map(column).collect()
        };
        let mut instance = match rule.instance() {
            Ok(instance) => instance,
            Err(error) => return steps.stop("condition", format!("the plugin cannot be run: {error}")),
        };
        let verdicts = match instance.evaluate(&read(0..times.len()), times.len()) {
            Ok(verdicts) => verdicts,
            Err(error) => return steps.stop("condition", format!("the plugin gave no verdict: {error}")),
        };
        let mut watch = Watch::default();
        let mut transition = None;
        for (row, &time) in times.iter().enumerate() {
            let place = row as u32;
            transition = if verdicts.matched.binary_search(&place).is_ok() {
                watch.matched(time, &gate, interval_s)
            } else if verdicts.unknown.binary_search(&place).is_ok() {
                watch.unknown();
                None
            } else {
                watch.clear(time, &gate, interval_s)
            };
        }
        let in_window = |row: &u32| at.seconds_since(times[*row as usize]) <= window_s;
        let matches = verdicts.matched.iter().filter(|row| in_window(row)).count();
        let last = times.len() - 1;
        if matches == 0 {
            let said = match instance.explain(&read(last..last + 1)) {
                Ok(explanation) => conditions(&explanation.conditions, rule),
                Err(error) => format!("the plugin cannot say why: {error}"),
            };
            let unknown = verdicts.unknown.binary_search(&(last as u32)).is_ok();
            let step = if unknown { "input" } else { "condition" };
            return steps.stop(step, said);
        }
        steps.pass("condition", format!("{matches} samples within {window_s} s matched"));
        let wanted = rule.min_occurrences;
        if matches < wanted as usize {
            return steps.stop("occurrences", format!("{matches} of {wanted} matches within {window_s} s"));
        }
        steps.pass("occurrences", format!("{matches} of {wanted} matches within {window_s} s"));
        let detail = match transition {
            Some(Transition::Open | Transition::Reopen | Transition::Continue) => {
                "by what is in force now a detection would be open then: the rule or its plugin was another at that time"
            }
            _ => "its detection was over, or forgotten by retention",
        };
        steps.stop("detection", detail)
    }
}

/// Conditions in words: those that did not hold.
fn conditions(conditions: &[crate::sandbox::contract::Condition], rule: &Rule) -> String {
    let said: Vec<String> = conditions
        .iter()
        .map(|condition| ConditionEvidence::new(condition, &rule.inputs))
        .filter(|condition| condition.outcome != Outcome::Met)
        .map(|condition| {
            let window = condition.window.map_or(String::new(), |window| format!(" ({window})"));
            let number = |value: Option<f64>| value.map_or("not known".to_owned(), |value| value.to_string());
            let relation = serde_json::to_value(condition.relation).unwrap_or_default();
            let relation = relation.as_str().unwrap_or_default().replace('_', " ");
            let (observed, expected) = (number(condition.observed), number(condition.expected));
            format!("{}{window} is {observed}, expected {relation} {expected}", condition.metric)
        })
        .collect();
    if said.is_empty() { "no condition held".to_owned() } else { said.join("; ") }
}
