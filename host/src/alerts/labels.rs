//! What an alert is known by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Names and values: `rule_id`, `system_id`, `system_type`, `severity`, `detection_type` and the text metrics of the
/// sample. A label that is missing counts as empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels(pub BTreeMap<String, String>);

impl Labels {
    /// The value of a label; empty if it is missing.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Those of `names` that are there.
    #[must_use]
    pub fn only(&self, names: &[String]) -> Self {
        let there = names.iter().filter_map(|name| self.0.get_key_value(name));
        Self(there.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Drops what `other` does not say as well.
    pub fn keep_common(&mut self, other: &Self) {
        self.0.retain(|name, value| other.0.get(name) == Some(value));
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(labels: I) -> Self {
        Self(labels.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// Appends the values of some labels so that different values never look the same.
pub(super) fn push_values(key: &mut String, labels: &Labels, names: &[String]) {
    for name in names {
        let value = labels.get(name);
        push_number(key, value.len());
        key.push_str(value);
    }
}

/// Appends a number and a mark where it ends.
pub(super) fn push_number(key: &mut String, number: usize) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    key.extend(digits[at..].iter().map(|&digit| char::from(digit)));
    key.push(':');
}
