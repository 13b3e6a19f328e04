//! A second version of a rule's plugin that is shown the same rows: its verdicts are compared and acted on by nobody.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::batch::{Batch, Origin};
use super::judge::{Judge, Judged};
use crate::catalog::{Catalog, Rule};
use crate::detections::Transition;
use crate::history::Systems;
use crate::limits::SHADOW_EXAMPLES_MAX;
use crate::sandbox::contract::Verdicts;
use crate::time::Millis;

/// How a shadow differs from the live version, since it began.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Since when, by the host's clock.
    pub since: Option<Millis>,
    /// Rows that both have judged.
    pub rows: u64,
    /// Rows on which the live version matched.
    pub live_matched: u64,
    /// Rows on which the shadow matched.
    pub shadow_matched: u64,
    /// Rows that only the shadow matched.
    pub added: u64,
    /// Rows that only the live version matched.
    pub lost: u64,
    /// Rows that one called clear and the other unknown.
    pub changed: u64,
    /// Detections that the live version opened.
    pub live_opened: u64,
    /// Detections that the shadow would have opened.
    pub shadow_opened: u64,
    /// Time in calls of the live version.
    pub live_time: Duration,
    /// Time in calls of the shadow.
    pub shadow_time: Duration,
    /// Calls of the shadow that gave no answer.
    pub shadow_failures: u64,
    /// The last rows that differ: `added`, `lost` or `changed`, whose, and when.
    pub examples: VecDeque<(&'static str, String, Millis)>,
}

/// The shadow of a rule.
pub(super) struct Shadow {
    judge: Judge,
    pub(super) comparison: Comparison,
}

impl Shadow {
    pub(super) fn new(rule: Arc<Rule>, place: usize, catalog: &Catalog) -> Self {
        Self { judge: Judge::new(rule, place, catalog), comparison: Comparison::default() }
    }

    /// Whether it is the same version of the same plugin.
    pub(super) fn is_of(&self, rule: &Rule) -> bool {
        self.judge.rule.plugin.digest == rule.plugin.digest
    }

    /// Goes on as what the rule is now.
    pub(super) fn adopt(self, rule: &Arc<Rule>, place: usize, catalog: &Catalog) -> Self {
        Self { judge: self.judge.adopt(rule, place, catalog), comparison: self.comparison }
    }

    /// Judges a batch that the live version has judged, and compares.
    pub(super) fn compare(
        &mut self,
        live: &Judged,
        live_time: Duration,
        batch: &Batch,
        systems: &Systems,
        now: Millis,
    ) {
        let (time_before, failures_before) = (self.judge.cost.time, self.judge.cost.failures);
        let judged = self.judge.judge(batch, systems, now);
        // What it cannot bear is its author's to know, from the comparison; the live version is what dead letters are for.
        drop(self.judge.dead_rows(&judged, batch, systems));
        self.judge.incidents.clear();
        let comparison = &mut self.comparison;
        comparison.since.get_or_insert(now);
        comparison.live_time += live_time;
        comparison.shadow_time += self.judge.cost.time - time_before;
        comparison.shadow_failures += self.judge.cost.failures - failures_before;
        let rows = live.applied.as_ref().map_or(batch.len(), Vec::len) as u32;
        comparison.rows += u64::from(rows);
        comparison.live_matched += live.verdicts.matched.len() as u64;
        comparison.shadow_matched += judged.verdicts.matched.len() as u64;
        if live.verdicts != judged.verdicts {
            comparison.note(live, &judged.verdicts, batch, systems);
        }
        self.watch(&judged, batch);
    }

    /// A detection of the live version opened.
    pub(super) fn live_opened(&mut self) {
        self.comparison.live_opened += 1;
    }

    /// Moves the shadow's own gates on, to know what it would have opened.
    fn watch(&mut self, judged: &Judged, batch: &Batch) {
        let gate = self.judge.gate;
        let mut unknown = judged.verdicts.unknown.iter().peekable();
        let mut matched = judged.verdicts.matched.iter().peekable();
        let rows = judged.applied.as_ref().map_or(batch.len(), Vec::len) as u32;
        if self.judge.watched.is_empty() && judged.verdicts.matched.is_empty() {
            return;
        }
        for place in 0..rows {
            let is_match = matched.next_if_eq(&&place).is_some();
            let is_unknown = unknown.next_if_eq(&&place).is_some();
            let row = &batch.rows[judged.row(place)];
            if is_match {
                let watch = &mut self.judge.watched.entry(row.system).or_default().watch;
                let transition = watch.matched(row.time, &gate, row.interval_s);
                self.comparison.shadow_opened += u64::from(transition == Some(Transition::Open));
            } else if let Some(watched) = self.judge.watched.get_mut(&row.system) {
                if is_unknown || matches!(row.origin, Origin::Silence { .. }) {
                    watched.watch.unknown();
                } else {
                    watched.watch.clear(row.time, &gate, row.interval_s);
                }
                if watched.watch.is_idle(row.time, &gate, row.interval_s) {
                    self.judge.watched.remove(&row.system);
                }
            }
        }
    }
}

impl Comparison {
    fn note(&mut self, live: &Judged, shadow: &Verdicts, batch: &Batch, systems: &Systems) {
        let live_verdicts = &live.verdicts;
        let only = |these: &[u32], those: &[u32]| -> Vec<u32> {
            these.iter().filter(|row| those.binary_search(row).is_err()).copied().collect()
        };
        let added = only(&shadow.matched, &live_verdicts.matched);
        let lost = only(&live_verdicts.matched, &shadow.matched);
        let mut changed = only(&shadow.unknown, &live_verdicts.unknown);
        changed.extend(only(&live_verdicts.unknown, &shadow.unknown));
        changed.retain(|row| added.binary_search(row).is_err() && lost.binary_search(row).is_err());
        self.added += added.len() as u64;
        self.lost += lost.len() as u64;
        self.changed += changed.len() as u64;
        for (kind, rows) in [("added", added), ("lost", lost), ("changed", changed)] {
            for place in rows.into_iter().rev().take(SHADOW_EXAMPLES_MAX) {
                let row = &batch.rows[live.row(place)];
                if self.examples.len() == SHADOW_EXAMPLES_MAX {
                    self.examples.pop_front();
                }
                self.examples.push_back((kind, systems.get(row.system).id.to_string(), row.at));
            }
        }
    }
}
