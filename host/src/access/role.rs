//! Roles, and the rights that each of them has.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody is to the server. The order is that of strength: the last is the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sends samples, and sees nothing.
    Ingest,
    /// Sees everything but what concerns access, and changes nothing.
    Viewer,
    /// Sees, sends samples, and works the rules and the stages of plugins.
    Operator,
    /// Everything.
    Admin,
}

/// What a route asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// To send samples.
    Ingest,
    /// To see systems, rules, plugins, detections and events.
    Read,
    /// To change rules and parameters, to switch plugins and to move them between their stages.
    Operate,
    /// To bring in and delete plugins, to manage tokens, to see the audit log, to reload and to back up.
    Administer,
}

/// The text is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no role: expected ingest, viewer, operator or admin")]
pub struct UnknownRole(pub String);

impl Role {
    /// All of them, the weakest first.
    pub const ALL: [Self; 4] = [Self::Ingest, Self::Viewer, Self::Operator, Self::Admin];

    /// Whether this role has the right.
    #[must_use]
    pub fn may(self, right: Right) -> bool {
        match self {
            Self::Ingest => right == Right::Ingest,
            Self::Viewer => right == Right::Read,
            Self::Operator => right != Right::Administer,
            Self::Admin => true,
        }
    }

    /// The name in configurations, tokens and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ingest, Self::Read, Self::Operate, Self::Administer];

    /// The roles that have it, for messages.
    pub(super) fn held_by(self) -> &'static str {
        match self {
            Self::Ingest => "ingest, operator or admin",
            Self::Read => "viewer, operator or admin",
            Self::Operate => "operator or admin",
            Self::Administer => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| UnknownRole(text.chars().take(64).collect()))
    }
}
