//! The rows that opened a detection, as the plugin was shown them, so that the verdict can be executed again.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::limits::DECIDING_ROWS_MAX;
use crate::time::Millis;

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecidingRow {
    /// By the host's clock.
    pub at: Millis,
    /// The sample's own time; null when it was a moment of silence.
    pub timestamp: Option<Millis>,
    /// The plugin's inputs in the order of its declaration; null: not known.
    #[serde(with = "known")]
    pub inputs: Vec<f64>,
}

/// The matches that a detection may be made of: the newest, as many as it takes, and at most ten.
pub fn remember(rows: &mut VecDeque<DecidingRow>, row: DecidingRow, min_occurrences: u32) {
    let most = DECIDING_ROWS_MAX.min(min_occurrences.max(1) as usize);
    while rows.len() >= most {
        rows.pop_front();
    }
    rows.push_back(row);
}

/// Numbers as JSON has them: what is not known is null.
mod known {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        let known: Vec<Option<f64>> =
            values.iter().map(|value| (!value.is_nan()).then_some(*value)).collect();
        known.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        let known = Vec::<Option<f64>>::deserialize(deserializer)?;
        Ok(known.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    }
}
