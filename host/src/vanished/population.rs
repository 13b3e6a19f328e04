//! How many systems carry which label.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// The label that every system has.
pub(super) const TYPE: &str = "system_type";
/// Values of one label that are counted; more are a name of each system, not something they share.
const VALUES_MAX: usize = 100_000;

/// One more or one less system carries a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelChange {
    /// Which label.
    pub label: Box<str>,
    /// Its value.
    pub value: Box<str>,
    /// 1 or -1.
    pub by: i32,
}

/// Counts of systems by label.
#[derive(Clone, Debug, Default)]
pub struct Population {
    counts: HashMap<(Box<str>, Box<str>), u32, foldhash::fast::RandomState>,
}

impl Population {
    /// Counts a change.
    pub fn change(&mut self, change: &LabelChange) {
        let key = (change.label.clone(), change.value.clone());
        if !self.counts.contains_key(&key) && self.counts.len() >= VALUES_MAX {
            return;
        }
        let count = self.counts.entry(key).or_default();
        *count = count.saturating_add_signed(change.by);
    }

    /// How many systems carry it.
    pub(super) fn of(&self, label: &str, value: &str) -> u32 {
        self.counts.get(&(label.into(), value.into())).copied().unwrap_or(0)
    }
}

/// The labels of a system by its type and texts: each value by itself where a text lists several.
pub fn labels_of<'a>(
    system_type: &'a str,
    texts: &'a Map<String, Value>,
    labels: &'a [String],
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let values = labels.iter().filter_map(|label| Some((label.as_str(), texts.get(label)?.as_str()?)));
    let split = values.flat_map(|(label, text)| split(text).map(move |value| (label, value)));
    std::iter::once((TYPE, system_type)).chain(split)
}

/// The values of a text that may list several.
pub(crate) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|value| !value.is_empty())
}
