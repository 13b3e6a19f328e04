//! Verdicts, executed again from their evidence.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ChangeError, Service, lock};
use crate::detections::{ConditionEvidence, Detection, Evidence, confidence};
use crate::sandbox::{Plugin, contract};

/// What came of executing a verdict again.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Reproduction {
    /// Which detection.
    pub detection_id: Uuid,
    /// Whether everything came out as it did then.
    pub reproduced: bool,
    /// Why it was opened, as the plugin puts it now.
    pub summary: Option<String>,
    /// Who judged: name, digest and contract.
    #[schema(value_type = Object)]
    pub plugin: crate::detections::PluginEvidence,
    /// The rows that decided, and whether each matches.
    pub rows: Vec<ReproducedRow>,
    /// The conditions, as the plugin puts them now.
    #[schema(value_type = Vec<Object>)]
    pub conditions: Vec<ConditionEvidence>,
    /// What is not as it was; empty if it was reproduced.
    pub differences: Vec<String>,
}

/// A row that decided.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReproducedRow {
    /// When, by the host's clock.
    #[schema(value_type = String, format = DateTime)]
    pub at: crate::time::Millis,
    /// Whether the plugin says again that it matches.
    pub matches: bool,
    /// What the plugin was shown, by name.
    #[schema(value_type = Object)]
    pub inputs: serde_json::Map<String, serde_json::Value>,
}

impl Service {
    /// Executes the verdict that opened a detection again: the same component with the same settings is shown the rows
    /// that decided. `None`: there is no such detection.
    ///
    /// # Errors
    /// The detection cannot be read, or its component is no longer there.
    pub fn reproduce(&self, id: Uuid) -> Result<Option<Reproduction>, ChangeError> {
        let Some(json) = self.tables.detections.get(&id)? else { return Ok(None) };
        let detection: Detection = serde_json::from_value(json)
            .map_err(|error| ChangeError::Unwritable(format!("detection {id} cannot be read: {error}")))?;
        let plugin = &detection.evidence.plugin;
        let found = lock(&self.registry).component(&plugin.name, &plugin.digest);
        let component = found.map_err(|reason| ChangeError::Conflict {
            kind: "component-gone",
            detail: format!("plugin {} with digest {} cannot be run: {reason}", plugin.name, plugin.digest),
            members: serde_json::Map::new(),
        })?;
        Ok(Some(reproduce(&detection, &component)))
    }
}

/// Shows a component the rows that decided, and compares what it says with what is in the evidence.
#[must_use]
pub fn reproduce(detection: &Detection, component: &Plugin) -> Reproduction {
    let evidence = &detection.evidence;
    let mut answer = Reproduction {
        detection_id: detection.detection_id,
        reproduced: false,
        summary: None,
        plugin: evidence.plugin.clone(),
        rows: Vec::new(),
        conditions: Vec::new(),
        differences: Vec::new(),
    };
    if let Err(reason) = judge_again(detection, component, &mut answer) {
        answer.differences.push(reason);
    }
    let anomaly = evidence.anomaly.combined.unwrap_or(f64::NAN);
    let sure = confidence(detection.severity, evidence.matched_share, anomaly);
    if sure.to_bits() != detection.confidence.to_bits() {
        answer.differences.push(format!("confidence is {sure}, it was {}", detection.confidence));
    }
    answer.reproduced = answer.differences.is_empty();
    answer
}

fn judge_again(detection: &Detection, component: &Plugin, answer: &mut Reproduction) -> Result<(), String> {
    let evidence = &detection.evidence;
    if evidence.deciding.is_empty() {
        return Err("its evidence has no rows".to_owned());
    }
    let settings = evidence.settings.to_string();
    let (mut instance, descriptor) = component.rule(&settings).map_err(|error| error.to_string())?;
    let width = descriptor.inputs.len();
    if let Some(row) = evidence.deciding.iter().find(|row| row.inputs.len() != width) {
        return Err(format!("the plugin reads {width} inputs, the evidence has {}", row.inputs.len()));
    }
    for row in &evidence.deciding {
        let columns: Vec<[f64; 1]> = row.inputs.iter().map(|&value| [value]).collect();
        let columns: Vec<&[f64]> = columns.iter().map(<[f64; 1]>::as_slice).collect();
        let verdicts = instance.evaluate(&columns, 1).map_err(|error| error.to_string())?;
        let matches = verdicts.matched == [0];
        if !matches {
            answer.differences.push(format!("the row of {} does not match any more", row.at));
        }
        answer.rows.push(ReproducedRow { at: row.at, matches, inputs: named(evidence, &row.inputs) });
    }
    let last = evidence.deciding.last().map_or(&[][..], |row| &row.inputs);
    let columns: Vec<[f64; 1]> = last.iter().map(|&value| [value]).collect();
    let columns: Vec<&[f64]> = columns.iter().map(<[f64; 1]>::as_slice).collect();
    let explanation = instance.explain(&columns).map_err(|error| error.to_string())?;
    compare(detection, &explanation, &descriptor.inputs, answer);
    Ok(())
}

fn compare(
    detection: &Detection,
    explanation: &contract::Explanation,
    inputs: &[contract::Input],
    answer: &mut Reproduction,
) {
    let evidence = &detection.evidence;
    let description = format!("{}: {}", evidence.rule_name, explanation.summary);
    if description != detection.description {
        answer.differences.push(format!("it says {description:?}, it said {:?}", detection.description));
    }
    answer.summary = Some(explanation.summary.clone());
    answer.conditions =
        explanation.conditions.iter().map(|condition| ConditionEvidence::new(condition, inputs)).collect();
    if answer.conditions.len() != evidence.conditions.len() {
        let (now, then) = (answer.conditions.len(), evidence.conditions.len());
        answer.differences.push(format!("there are {now} conditions, there were {then}"));
    }
    for (now, then) in answer.conditions.iter().zip(&evidence.conditions) {
        if now != then {
            answer.differences.push(format!("the condition on {} came out otherwise", then.metric));
        }
    }
}

fn named(evidence: &Evidence, values: &[f64]) -> serde_json::Map<String, serde_json::Value> {
    let name = |place: usize| match evidence.inputs.get(place) {
        Some(input) => match &input.window {
            Some(window) => format!("{}, {window}", input.metric),
            None => input.metric.clone(),
        },
        None => format!("input {place}"),
    };
    let value = |value: &f64| (!value.is_nan()).then_some(*value);
    values.iter().enumerate().map(|(place, number)| (name(place), serde_json::json!(value(number)))).collect()
}
