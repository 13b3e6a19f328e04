//! Finds, among many matcher sets, the few that labels may pass, by one matcher of each.

use std::collections::BTreeMap;

use super::labels::Labels;
use super::map::Map;
use super::matcher::{Matchers, Test};
use crate::limits::REMEMBERED_VALUES_MAX;

/// Matcher sets by the label of one of their matchers, an equality where there is one.
#[derive(Clone, Debug)]
pub(super) struct Index<K> {
    equal: Map<String, Map<String, Vec<K>>>,
    other: Map<String, Tests<K>>,
    always: Vec<K>,
}

/// Tests of one label by what every value that passes begins with.
#[derive(Clone, Debug)]
struct Tests<K> {
    by_prefix: Map<String, Vec<(Test, K)>>,
    /// The lengths of the prefixes, each with how many there are.
    lengths: BTreeMap<usize, usize>,
}

/// Which sets without an equality a label's value passes, as found before. Belongs to one index and is cleared whenever
/// that changes.
#[derive(Clone, Debug)]
pub(super) struct Remembered<K>(Map<String, Map<String, Vec<K>>>);

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self { equal: Map::default(), other: Map::default(), always: Vec::new() }
    }
}

impl<K> Default for Remembered<K> {
    fn default() -> Self {
        Self(Map::default())
    }
}

impl<K> Default for Tests<K> {
    fn default() -> Self {
        Self { by_prefix: Map::default(), lengths: BTreeMap::new() }
    }
}

impl<K: Copy + Ord> Tests<K> {
    fn insert(&mut self, test: &Test, key: K) {
        let prefix = test.prefix();
        let tests = self.by_prefix.entry(prefix.to_owned()).or_default();
        if tests.is_empty() {
            *self.lengths.entry(prefix.len()).or_default() += 1;
        }
        tests.push((test.clone(), key));
    }

    fn remove(&mut self, test: &Test, key: K) {
        let prefix = test.prefix();
        let Some(tests) = self.by_prefix.get_mut(prefix) else { return };
        tests.retain(|&(_, other)| other != key);
        if !tests.is_empty() {
            return;
        }
        self.by_prefix.remove(prefix);
        if let Some(count) = self.lengths.get_mut(&prefix.len()) {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&prefix.len());
            }
        }
    }

    fn passed(&self, value: &str, found: &mut Vec<K>) {
        for &length in self.lengths.keys() {
            let Some(tests) = value.get(..length).and_then(|prefix| self.by_prefix.get(prefix)) else {
                continue;
            };
            found.extend(tests.iter().filter(|(test, _)| test.passes(value)).map(|&(_, key)| key));
        }
    }
}

impl<K> Remembered<K> {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl<K: Copy + Ord> Index<K> {
    pub(super) fn insert(&mut self, key: K, matchers: &Matchers) {
        let Some(pivot) = matchers.pivot() else {
            self.always.push(key);
            return;
        };
        if let Test::Equal(value) = &pivot.test {
            let values = self.equal.entry(pivot.label.clone()).or_default();
            values.entry(value.clone()).or_default().push(key);
        } else {
            self.other.entry(pivot.label.clone()).or_default().insert(&pivot.test, key);
        }
    }

    pub(super) fn remove(&mut self, key: K, matchers: &Matchers) {
        let Some(pivot) = matchers.pivot() else {
            self.always.retain(|&other| other != key);
            return;
        };
        if let Test::Equal(value) = &pivot.test {
            let Some(values) = self.equal.get_mut(&pivot.label) else { return };
            if let Some(keys) = values.get_mut(value) {
                keys.retain(|&other| other != key);
                if keys.is_empty() {
                    values.remove(value);
                }
            }
            if values.is_empty() {
                self.equal.remove(&pivot.label);
            }
        } else if let Some(tests) = self.other.get_mut(&pivot.label) {
            tests.remove(&pivot.test, key);
            if tests.by_prefix.is_empty() {
                self.other.remove(&pivot.label);
            }
        }
    }

    /// The sets that the labels may pass, in order; the others they do not pass.
    pub(super) fn candidates(&self, labels: &Labels, found: &mut Vec<K>) {
        self.certain(labels, found);
        for (label, tests) in &self.other {
            tests.passed(labels.get(label), found);
        }
        found.sort_unstable();
    }

    /// The same, for values that come again and again.
    pub(super) fn candidates_again(
        &self,
        labels: &Labels,
        remembered: &mut Remembered<K>,
        found: &mut Vec<K>,
    ) {
        self.certain(labels, found);
        for (label, tests) in &self.other {
            let value = labels.get(label);
            if !remembered.0.contains_key(label) {
                remembered.0.insert(label.clone(), Map::default());
            }
            let Some(values) = remembered.0.get_mut(label) else { continue };
            if let Some(keys) = values.get(value) {
                found.extend_from_slice(keys);
                continue;
            }
            let before = found.len();
            tests.passed(value, found);
            // A label with more values than that is likely to have another each time.
            if values.len() < REMEMBERED_VALUES_MAX {
                values.insert(value.to_owned(), found[before..].to_vec());
            }
        }
        found.sort_unstable();
    }

    fn certain(&self, labels: &Labels, found: &mut Vec<K>) {
        found.extend_from_slice(&self.always);
        for (label, values) in &self.equal {
            if let Some(keys) = values.get(labels.get(label)) {
                found.extend_from_slice(keys);
            }
        }
    }
}
