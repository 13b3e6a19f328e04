//! Alerts that hide others: while a source fires, targets with the same labels are not told.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::config::InhibitConfig;
use super::index::Index;
use super::labels::{Labels, push_number, push_values};
use super::map::Map;
use super::matcher::Matchers;
use super::plan::{Problems, matchers};
use super::route::labels;
use crate::limits::INHIBITIONS_MAX;

/// All rules.
#[derive(Clone, Debug, Default)]
pub(super) struct Inhibition {
    rules: Vec<Rule>,
    by_source: Index<usize>,
    by_target: Index<usize>,
    /// The lists of labels that rules have the same of, each once.
    equal: Vec<Vec<String>>,
}

#[derive(Clone, Debug)]
struct Rule {
    source: Matchers,
    target: Matchers,
    /// By its place among the lists.
    equal: usize,
}

/// The rules that an alert has a part in, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    sources: Vec<usize>,
    targets: Vec<usize>,
}

impl Inhibition {
    /// The rules that an alert with these labels has a part in.
    pub(super) fn parts(&self, labels: &Labels) -> Parts {
        let mut parts = Parts::default();
        self.by_source.candidates(labels, &mut parts.sources);
        parts.sources.retain(|&rule| self.rules[rule].source.matches(labels));
        self.by_target.candidates(labels, &mut parts.targets);
        parts.targets.retain(|&rule| self.rules[rule].target.matches(labels));
        parts
    }

    fn key(&self, equal: usize, labels: &Labels, key: &mut String) {
        key.clear();
        push_number(key, equal);
        push_values(key, labels, &self.equal[equal]);
    }
}

/// The sources that fire, by a list of labels and their values, then by rule. With each, whether it is a target of the
/// rule as well.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    firing: Map<String, BTreeMap<(usize, Uuid), bool>>,
    key: String,
}

impl Sources {
    pub(super) fn insert(&mut self, rules: &Inhibition, parts: &Parts, labels: &Labels, id: Uuid) {
        for &rule in &parts.sources {
            rules.key(rules.rules[rule].equal, labels, &mut self.key);
            if !self.firing.contains_key(&self.key) {
                self.firing.insert(self.key.clone(), BTreeMap::new());
            }
            if let Some(alerts) = self.firing.get_mut(&self.key) {
                alerts.insert((rule, id), parts.targets.contains(&rule));
            }
        }
    }

    pub(super) fn remove(&mut self, rules: &Inhibition, parts: &Parts, labels: &Labels, id: Uuid) {
        for &rule in &parts.sources {
            rules.key(rules.rules[rule].equal, labels, &mut self.key);
            if let Some(alerts) = self.firing.get_mut(&self.key) {
                alerts.remove(&(rule, id));
                if alerts.is_empty() {
                    self.firing.remove(&self.key);
                }
            }
        }
    }

    /// The first rule that hides an alert, and a source of it. An alert does not hide itself, and two that are both
    /// source and target of a rule do not hide each other.
    pub(super) fn hiding(
        &mut self,
        rules: &Inhibition,
        parts: &Parts,
        labels: &Labels,
        id: Uuid,
    ) -> Option<(usize, Uuid)> {
        if parts.targets.is_empty() {
            return None;
        }
        let mut key = std::mem::take(&mut self.key);
        let equal = 0..rules.equal.len();
        let found = equal.filter_map(|equal| self.first(rules, equal, parts, labels, id, &mut key)).min();
        self.key = key;
        found
    }

    /// The first among the rules with one list of labels.
    fn first(
        &self,
        rules: &Inhibition,
        equal: usize,
        parts: &Parts,
        labels: &Labels,
        id: Uuid,
        key: &mut String,
    ) -> Option<(usize, Uuid)> {
        rules.key(equal, labels, key);
        let alerts = self.firing.get(key.as_str())?;
        parts.targets.iter().filter(|&&rule| rules.rules[rule].equal == equal).find_map(|&rule| {
            let both = parts.sources.contains(&rule);
            let mut sources = alerts.range((rule, Uuid::nil())..=(rule, Uuid::max()));
            let (&found, _) = sources.find(|&(&(_, by), &by_both)| by != id && !(both && by_both))?;
            Some(found)
        })
    }

    /// Every rule that would hide an alert with these labels, with a source of each.
    pub(super) fn all_hiding(&self, rules: &Inhibition, labels: &Labels) -> Vec<(usize, Uuid)> {
        let Parts { sources, targets } = rules.parts(labels);
        let mut key = String::new();
        let hiding = targets.into_iter().filter_map(|rule| {
            let parts = Parts { sources: sources.clone(), targets: vec![rule] };
            self.first(rules, rules.rules[rule].equal, &parts, labels, Uuid::nil(), &mut key)
        });
        hiding.collect()
    }
}

pub(super) fn compile(configs: &[InhibitConfig], problems: &mut Problems) -> Inhibition {
    let mut inhibition = Inhibition::default();
    if configs.len() > INHIBITIONS_MAX {
        problems
            .say("alerts.inhibit", format!("{} rules, at most {INHIBITIONS_MAX} are allowed", configs.len()));
    }
    for (number, config) in configs.iter().enumerate() {
        let place = format!("alerts.inhibit rule {number}");
        let source = matchers(&place, "source", &config.source, problems);
        let target = matchers(&place, "target", &config.target, problems);
        labels(&place, "equal", &config.equal, problems);
        if config.source.is_empty() {
            problems.say(&place, "source is empty: every alert would hide its targets; expected a condition");
        }
        inhibition.by_source.insert(number, &source);
        inhibition.by_target.insert(number, &target);
        let known = inhibition.equal.iter().position(|equal| *equal == config.equal);
        let equal = known.unwrap_or(inhibition.equal.len());
        if known.is_none() {
            inhibition.equal.push(config.equal.clone());
        }
        inhibition.rules.push(Rule { source, target, equal });
    }
    inhibition
}
