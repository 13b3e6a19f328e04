//! `[groups]`.

use serde::Deserialize;

/// When systems that are gone together are one detection.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupsConfig {
    /// The text metrics that systems may have in common, beside their type; several values are separated by commas.
    pub labels: Vec<String>,
    /// Members from which they are a group. 2..=1000.
    pub members_min: usize,
    /// How long one that is gone waits for others, as a share of the silence that it took to notice. 0..=1.
    pub hold_share: f64,
    /// But at most so many seconds. 0..=60; 0: nobody waits, and there are no groups.
    pub hold_s_max: f64,
}

impl Default for GroupsConfig {
    fn default() -> Self {
        let labels = ["zone", "collector", "depends_on"].map(str::to_owned).into();
        Self { labels, members_min: 5, hold_share: 0.15, hold_s_max: 3.0 }
    }
}

impl GroupsConfig {
    /// Hands every value with its key and range to `check`.
    pub fn check(&self, check: &mut impl FnMut(&str, f64, std::ops::RangeInclusive<f64>)) {
        check("groups.members_min", self.members_min as f64, 2.0..=1000.0);
        check("groups.hold_share", self.hold_share, 0.0..=1.0);
        check("groups.hold_s_max", self.hold_s_max, 0.0..=60.0);
        check("groups.labels (how many)", self.labels.len() as f64, 0.0..=16.0);
    }
}
