//! What kind of trouble, how bad, and how far it has come.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of trouble a detection is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DetectionType {
    /// A system is gone or unresponsive.
    Disconnection,
    /// A system is much worse than it used to be.
    PerformanceDegradation,
    /// A system's data is wrong.
    DataInconsistency,
    /// A system is under attack.
    SecurityAnomaly,
    /// A system runs out of something.
    ResourceExhaustion,
    /// A system is not configured as it should be.
    ConfigurationDrift,
    /// Something that a system needs has failed.
    DependencyFailure,
}

/// How bad a trouble is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// For the record.
    Low,
    /// Should be looked at.
    Medium,
    /// Should be looked at now.
    High,
    /// Harm is being done.
    Critical,
}

impl Severity {
    /// What the severity of a rule adds to the confidence of its detections, before weighting.
    #[must_use]
    pub fn confidence(self) -> f64 {
        match self {
            Self::Low => 0.3,
            Self::Medium => 0.5,
            Self::High => 0.7,
            Self::Critical => 0.9,
        }
    }
}

/// Where a detection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Opened, and nobody has taken it up.
    Active,
    /// Somebody is on it.
    Investigating,
    /// Samples showed that it is over.
    Resolved,
    /// It never was a trouble.
    FalsePositive,
    /// It went up to a larger audience.
    Escalated,
}
