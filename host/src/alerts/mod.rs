//! Who is told, when, and why not.
//!
//! Detections come in as [`Change`]s and go through the tree of routes into groups; what a silence, a maintenance window,
//! another alert, the failure of something they depend on or their own flapping hides is held. Out come [`Decision`]s:
//! notifications, escalations that are owed, and for every alert the steps that say why it was or was not told.
//!
//! There is no clock, no thread and no file here: [`Alerts`] is told what time it is, says when it next wants to be
//! asked, and hands out its state as records.

mod adopting;
mod change;
mod config;
mod decision;
mod depend;
mod due;
mod escalate;
mod escalating;
mod explain;
mod flap;
mod group;
mod grouping;
mod holding;
mod index;
mod inhibit;
mod labels;
mod map;
mod matcher;
mod plan;
mod record;
mod room;
mod route;
mod silence;
mod silencing;
mod standing;
mod telling;
mod window;

#[cfg(test)]
mod tests;

pub use change::{Alert, Change};
pub use config::{
    AlertsConfig, Conditions, EscalationConfig, InhibitConfig, LevelConfig, MaintenanceConfig, RouteConfig,
};
pub use decision::{Decision, Kind, Notification, Step};
pub use explain::{InhibitedBy, RouteTest, Taken, Visit};
pub use labels::Labels;
pub use matcher::{Matcher, Matchers};
pub use plan::Plan;
pub use record::{Record, RecordError};
pub use room::Alerts;
pub use silence::{NewSilence, Silence, SilenceError};
