//! `[alerts]` of the configuration, as it is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::Severity;
use crate::time::Millis;

/// Conditions by label, as they are written; see [`Matcher::parse`](super::Matcher::parse).
pub type Conditions = BTreeMap<String, String>;

/// Who is told, when, and why not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertsConfig {
    /// How long a new group gathers members before its first page, in seconds, from 0 to 600.
    pub group_wait_s: f64,
    /// Time between updates of a group that changed, in seconds, from 1 to 86,400.
    pub group_interval_s: f64,
    /// After so many seconds a group that still fires and is not acknowledged is told again: 0 (never), or from 10 to
    /// 2,592,000.
    pub repeat_interval_s: f64,
    /// Time between updates of a group that has grown tenfold, in seconds, from 1 to 86,400.
    pub growth_update_s: f64,
    /// After so many seconds a change of state counts half towards flapping, from 1 to 86,400.
    pub flap_half_life_s: f64,
    /// From so many changes of state on, an alert flaps; from 1 to 1000.
    pub flap_high: f64,
    /// Below so many it is calm again; from 0.2 to 1000, and less than `flap_high`.
    pub flap_low: f64,
    /// The label that names the system which a system depends on; empty if there is none.
    pub depends_on: String,
    /// The root of the tree. Without one nobody is told.
    pub route: Option<RouteConfig>,
    /// Alerts that hide others.
    pub inhibit: Vec<InhibitConfig>,
    /// Recurring times of quiet.
    pub maintenance: Vec<MaintenanceConfig>,
    /// Who is told when nobody acknowledges.
    pub escalations: Vec<EscalationConfig>,
}

impl Default for AlertsConfig {
    fn default() -> Self {
        Self {
            group_wait_s: 3.0,
            group_interval_s: 300.0,
            repeat_interval_s: 14_400.0,
            growth_update_s: 10.0,
            flap_half_life_s: 900.0,
            flap_high: 5.0,
            flap_low: 2.0,
            depends_on: "depends_on".to_owned(),
            route: None,
            inhibit: Vec::new(),
            maintenance: Vec::new(),
            escalations: Vec::new(),
        }
    }
}

/// A branch of the tree. What is not given is as with its parent, except `match`, `continue` and `mute`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouteConfig {
    /// Unique among its siblings; its path, such as `root/database`, names it. The root has none.
    pub name: String,
    /// What comes here. The root takes everything.
    #[serde(rename = "match")]
    pub matchers: Conditions,
    /// Whether siblings further down are tried after this one matched.
    #[serde(rename = "continue")]
    pub goes_on: bool,
    /// Who is told: ids of actions. An empty list is nobody, on purpose.
    pub receivers: Option<Vec<String>>,
    /// Labels whose values make a group.
    pub group_by: Option<Vec<String>>,
    /// As in [`AlertsConfig`].
    pub group_wait_s: Option<f64>,
    /// As in [`AlertsConfig`].
    pub group_interval_s: Option<f64>,
    /// As in [`AlertsConfig`].
    pub repeat_interval_s: Option<f64>,
    /// As in [`AlertsConfig`].
    pub growth_update_s: Option<f64>,
    /// The name of an escalation policy; empty for none.
    pub escalation: Option<String>,
    /// Names of maintenance windows during which this route is quiet.
    pub mute: Vec<String>,
    /// The first that matches takes the alert.
    pub routes: Vec<RouteConfig>,
}

/// While a source fires, targets with the same labels are not told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InhibitConfig {
    /// What hides.
    pub source: Conditions,
    /// What is hidden.
    pub target: Conditions,
    /// Labels that both have the same value of.
    #[serde(default)]
    pub equal: Vec<String>,
}

/// A recurring time of quiet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceConfig {
    /// Unique.
    pub name: String,
    /// What it hides: with no condition everything. Left out, it hides nothing by itself and is for `mute`.
    #[serde(default, rename = "match")]
    pub matchers: Option<Conditions>,
    /// Who answers for it.
    pub owner: String,
    /// Why it is.
    #[serde(default)]
    pub comment: String,
    /// Days of the week on which it begins: `mon` to `sun`. This or `dates`.
    #[serde(default)]
    pub days: Vec<String>,
    /// Dates on which it begins, such as `2026-12-24`. This or `days`.
    #[serde(default)]
    pub dates: Vec<String>,
    /// When it begins, such as `22:00`, by the clocks of `timezone`.
    pub start: String,
    /// How long it lasts, in seconds, from 60 to 604,800.
    pub duration_s: f64,
    /// An IANA name.
    #[serde(default = "utc")]
    pub timezone: String,
    /// From then on it does not come back.
    #[serde(default)]
    pub until: Option<Millis>,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// Who is told when nobody acknowledges.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscalationConfig {
    /// Unique.
    pub name: String,
    /// Each later than the one before.
    pub levels: Vec<LevelConfig>,
}

/// A level of an escalation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelConfig {
    /// Seconds since the alert was first told, from 1 to 2,592,000.
    pub after_s: f64,
    /// Milder alerts pass over this level.
    #[serde(default = "low")]
    pub min_severity: Severity,
    /// Who is told as well.
    pub receivers: Vec<String>,
}

fn low() -> Severity {
    Severity::Low
}
