//! What the service tells of itself, in the shape in which the API shows it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Role;
use crate::evaluation::{Proportion, Verdicts};
use crate::model::{DetectionType, Severity, Status};
use crate::time::Millis;

/// How far the service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// What was not judged before the last stop is being judged.
    Starting,
    /// Samples are taken in and judged.
    Ready,
    /// The store cannot be written: nothing is taken in, everything can be read.
    ReadOnly,
    /// It is being stopped: nothing more is taken in.
    Draining,
}

/// What became of the rows of one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// Rows that are kept and will be judged.
    pub accepted: u64,
    /// Rows that are not.
    pub refused: u64,
    /// Why, for the first hundred of those.
    pub errors: Vec<RowError>,
    /// The round of the journal that they are in; null when nothing was accepted.
    pub round: Option<u64>,
    /// The same key had been seen before: these are the numbers of that time, and nothing was taken in now.
    pub replayed: bool,
}

/// A row that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RowError {
    /// From 1: the element of the array, or the line that is not blank.
    pub row: u64,
    /// The field, if the trouble is in one.
    pub field: Option<String>,
    /// What was found.
    pub found: String,
    /// What would be right.
    pub expected: String,
    /// All of it in one sentence.
    pub detail: String,
}

/// How a rule's detections turned out.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct PrecisionView {
    /// Counts.
    #[serde(flatten)]
    pub verdicts: Verdicts,
    /// The share that was no false positive, of those that are over.
    pub precision: Proportion,
}

impl From<Verdicts> for PrecisionView {
    fn from(verdicts: Verdicts) -> Self {
        Self { precision: verdicts.precision(), verdicts }
    }
}

/// A detection in a line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DetectionLine {
    /// Which.
    pub detection_id: Uuid,
    /// What kind of trouble.
    #[serde(rename = "type")]
    pub detection_type: DetectionType,
    /// How bad.
    pub severity: Severity,
    /// One sentence for a person.
    pub description: String,
    /// 0 to 1.
    pub confidence: f64,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Millis,
}

/// The samples kept of a system, the newest last.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HistoryPage {
    /// Its name.
    pub system_id: String,
    /// `timestamp` and the numbers that are known, by metric name.
    #[schema(value_type = Vec<Object>)]
    pub samples: Vec<Map<String, Value>>,
}

/// Which detections are asked for. All that is given must hold.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct DetectionFilter {
    /// Where they stand.
    pub status: Option<Status>,
    /// Of this rule.
    pub rule_id: Option<String>,
    /// Of this system.
    pub system_id: Option<String>,
    /// Of this type of system.
    pub system_type: Option<String>,
    /// This bad.
    pub severity: Option<Severity>,
    /// Of this kind.
    pub detection_type: Option<DetectionType>,
    /// Opened at this time or later.
    #[param(value_type = Option<String>)]
    pub from: Option<Millis>,
    /// Opened before this time.
    #[param(value_type = Option<String>)]
    pub to: Option<Millis>,
    /// Where to go on, from the page before.
    pub cursor: Option<String>,
    /// 1 to 500; 50 unless said otherwise.
    pub limit: Option<usize>,
}

/// A page of detections, newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DetectionsPage {
    /// Whole detections, with their evidence.
    #[schema(value_type = Vec<Object>)]
    pub detections: Vec<Value>,
    /// Where the next page begins; null when there is none.
    pub next_cursor: Option<String>,
}

/// A rule as it is in force, or would be.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RuleView {
    /// Names the rule.
    pub rule_id: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: String,
    /// What kind of trouble a match means.
    pub detection_type: DetectionType,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it is in force.
    pub enabled: bool,
    /// How its detections turned out, as far as samples and people have said.
    pub precision: PrecisionView,
    /// Who judges.
    pub plugin: PluginRef,
    /// The rule's window in seconds.
    pub window_s: f64,
    /// Matches within the window that open a detection.
    pub min_occurrences: u32,
    /// Actions owed when a detection opens.
    pub actions: Vec<String>,
    /// The rule's main parameter, if it has one.
    pub threshold: Option<f64>,
    /// Every parameter.
    pub parameters: BTreeMap<String, ParameterView>,
    /// The plugin's own settings.
    #[schema(value_type = Object)]
    pub settings: Value,
    /// The types it applies to; with neither these nor ids, all.
    pub system_types: Vec<String>,
    /// The systems it applies to.
    pub system_ids: Vec<String>,
    /// Parameters of chosen types or systems.
    #[schema(value_type = Vec<Object>)]
    pub overrides: Vec<Value>,
    /// `default`, `configuration` or `api`: who spoke last.
    pub origin: &'static str,
    /// A version that runs beside the live one and acts on nothing.
    pub shadow: Option<PluginRef>,
    /// Why the rule is out of the run, if it is.
    pub quarantine: Option<Quarantine>,
    /// What it has cost since the start.
    pub cost: Cost,
}

/// A version of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PluginRef {
    /// Its name.
    pub name: String,
    /// From 1.
    pub version: u32,
    /// SHA-256 of the component.
    pub digest: String,
}

/// A parameter and what it may be.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ParameterView {
    /// In force where nothing is overridden.
    pub value: f64,
    /// The plugin's own.
    pub default: f64,
    /// The least allowed.
    pub min: f64,
    /// The most allowed.
    pub max: f64,
    /// What it is for.
    pub description: String,
}

/// Out of the run for a while.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Quarantine {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Millis,
    /// When it is tried again.
    #[schema(value_type = String, format = DateTime)]
    pub until: Millis,
    /// The last failure.
    pub reason: String,
    /// How often it has been put here.
    pub times: u32,
}

/// What a rule or scorer has cost since the start, all shards together.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Cost {
    /// Rows handed over.
    pub rows: u64,
    /// Nanoseconds in calls.
    pub time_ns: u64,
    /// The quotient; null before the first row.
    pub ns_per_row: Option<f64>,
    /// Calls that gave no answer.
    pub failures: u64,
    /// Rows that it could not be brought to judge.
    pub unjudged_rows: u64,
}

/// A token without its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TokenView {
    /// Names it.
    pub id: String,
    /// For people: whose it is.
    pub name: String,
    /// What its owner may do.
    pub role: Role,
    /// The systems whose samples they may send; empty: all.
    pub systems: Vec<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Millis,
    /// By whom.
    pub created_by: String,
    /// When it ends; null: when it is revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Millis>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Millis>,
    /// When it was last used since the server started.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Millis>,
}
