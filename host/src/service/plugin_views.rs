//! What the service tells of plugins.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::views::{PluginRef, Quarantine};
use crate::sandbox::Kind;
use crate::time::Millis;

/// Where a version came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It ships with Lapwing.
    Bundled,
    /// A file of the configuration.
    Configuration,
    /// A file of the plugin folder.
    Folder,
    /// It was pushed through the API.
    Pushed,
}

/// What becomes of a version that is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It judges, between the next two batches.
    Live,
    /// It runs on the same rows as the live version and acts on nothing.
    Shadow,
    /// It is kept.
    None,
}

/// One line of the list of plugins.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PluginLine {
    /// Its name.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// The version that judges.
    pub live: Option<u32>,
    /// The version that runs beside it.
    pub shadow: Option<u32>,
    /// Whether it may judge at all.
    pub enabled: bool,
    /// Where its live version came from.
    pub origin: Origin,
    /// How many versions are kept.
    pub versions: usize,
    /// Rules of it that are out of the run.
    pub quarantined_rules: Vec<String>,
}

/// Everything about a plugin.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PluginView {
    /// Its name.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// Whether it may judge at all.
    pub enabled: bool,
    /// The version that judges.
    pub live: Option<u32>,
    /// The version that runs beside it.
    pub shadow: Option<u32>,
    /// Every version kept, the newest last.
    pub versions: Vec<VersionView>,
    /// The rules or scorers that it judges for.
    pub rules: Vec<String>,
    /// What the live version says of itself: inputs, parameters, window.
    #[schema(value_type = Object)]
    pub descriptor: Value,
    /// Rules of it that are out of the run.
    pub quarantined: Vec<(String, Quarantine)>,
}

/// A version of a plugin.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct VersionView {
    /// From 1.
    pub version: u32,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Its size.
    pub size_bytes: u64,
    /// What it imports.
    pub imports: Vec<String>,
    /// The contract version it is written against.
    pub contract: String,
    /// The id of the trusted key that signed it.
    pub signed_by: Option<String>,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub uploaded_at: Millis,
    /// Who brought it.
    pub uploaded_by: String,
    /// Where from.
    pub origin: Origin,
}

/// What became of a push.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Pushed {
    /// Its name.
    pub name: String,
    /// The version it is now.
    pub version: u32,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// What it does.
    pub kind: Kind,
    /// The contract version it is written against.
    pub contract: String,
    /// What it imports.
    pub imports: Vec<String>,
    /// What it is now.
    pub stage: Stage,
    /// These bytes were a version of this plugin before; that one was taken.
    pub already_known: bool,
    /// From the last byte received to the change being in force, in milliseconds.
    pub took_ms: f64,
    /// What it says of itself.
    #[schema(value_type = Object)]
    pub descriptor: Value,
    /// The rules or scorers that it judges for.
    pub rules: Vec<String>,
}

/// What became of a promotion or a rollback.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Swapped {
    /// Which plugin.
    pub name: String,
    /// The version that judges now.
    pub live: u32,
    /// The version that did.
    pub previous: Option<u32>,
    /// Until the change was in force, in milliseconds.
    pub took_ms: f64,
}

/// The live version and its shadow on the same rows.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Diff {
    /// The version that judges.
    pub live: PluginRef,
    /// The version that runs beside it.
    pub shadow: PluginRef,
    /// Since when they run side by side.
    #[schema(value_type = String, format = DateTime)]
    pub since: Millis,
    /// Rows that both have seen.
    pub rows: u64,
    /// By rule.
    pub rules: Vec<RuleDiff>,
}

/// The difference on one rule.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct RuleDiff {
    /// Which rule.
    pub rule_id: String,
    /// Rows that both have judged.
    pub rows: u64,
    /// Rows on which the live version matched.
    pub live_matched: u64,
    /// Rows on which the shadow matched.
    pub shadow_matched: u64,
    /// Rows that only the shadow matched.
    pub added: u64,
    /// Rows that only the live version matched.
    pub lost: u64,
    /// Rows that one called clear and the other unknown.
    pub changed: u64,
    /// Nanoseconds a row.
    pub live_ns_per_row: Option<f64>,
    /// Nanoseconds a row.
    pub shadow_ns_per_row: Option<f64>,
    /// Calls of the shadow that gave no answer.
    pub shadow_failures: u64,
    /// Detections that each would have opened.
    pub detections: DetectionDiff,
    /// Some of the rows that differ, the last hundred.
    pub examples: Vec<Difference>,
}

/// Detections opened since the shadow began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct DetectionDiff {
    /// By the live version.
    pub live: u64,
    /// That the shadow would have opened.
    pub shadow: u64,
}

/// A row on which the two differ.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Difference {
    /// `added`, `lost` or `changed`.
    pub kind: &'static str,
    /// Whose row.
    pub system_id: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Millis,
}
