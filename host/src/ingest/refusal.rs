//! Why a row was refused.

use std::fmt;

use serde::Serialize;

use crate::time::Millis;

/// What was wrong with one row: which field, what was found there, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The field, if the trouble is in one: `error_rate`, `custom_metrics.sync_lag_ms`.
    pub field: Option<String>,
    /// What was found.
    pub found: String,
    /// What would be right.
    pub expected: String,
}

impl Refusal {
    pub(super) fn of_field(field: &str, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), found: found.into(), expected: expected.into() }
    }

    pub(super) fn of_row(found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { field: None, found: found.into(), expected: expected.into() }
    }

    /// A sample from a time that cannot have come yet.
    pub(crate) fn too_late(time: Millis, latest_possible: Millis) -> Self {
        Self::of_field("timestamp", time.to_string(), format!("a time up to {latest_possible}"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        write!(f, "found {}, expected {}", self.found, self.expected)
    }
}

/// A text as an error shows it: quoted, and not too long.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
