//! One rule at work in one shard: its instance, what it costs, and what becomes of a plugin that fails.
//!
//! A failed call is repeated on halves of its rows until the row that the plugin cannot bear stands alone; that row
//! counts as unknown, and all others are judged. A plugin that keeps failing is left alone for a while, visibly.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::batch::{Batch, Row};
use super::breaker::{Breaker, Quarantine};
use super::report::{DeadRow, Incident, RuleCost};
use super::shadow::Shadow;
use super::watched::Watched;
use crate::catalog::{Catalog, ColumnSource, Rule, Scope};
use crate::detections::Gate;
use crate::history::{SystemIndex, Systems};
use crate::limits::{CALL_ROWS_MAX, DEAD_ROWS_PER_BATCH_MAX};
use crate::model::TypeId;
use crate::sandbox::contract::{Explanation, Verdicts};
use crate::sandbox::{CallError, RuleInstance};
use crate::time::Millis;

/// A rule at work.
pub(super) struct Judge {
    pub(super) rule: Arc<Rule>,
    /// The rule's place in the catalog.
    pub(super) place: usize,
    pub(super) gate: Gate,
    /// The systems that it keeps an eye on.
    pub(super) watched: HashMap<SystemIndex, Watched, foldhash::fast::RandomState>,
    pub(super) cost: RuleCost,
    /// Another version of the plugin that is shown the same rows.
    pub(super) shadow: Option<Box<Shadow>>,
    instance: Option<RuleInstance>,
    breaker: Breaker,
    /// Columns of parameters that are the same for every system.
    constants: Vec<Vec<f64>>,
    /// What the rule is to each system, for the type it had.
    scopes: Vec<Option<(TypeId, Scope)>>,
    /// Rows and columns gathered for a rule that is not the same for every system.
    selected: Vec<u32>,
    gathered: Vec<Vec<f64>>,
    /// Rows of the batch under way that the plugin could not bear, and how it failed; not all are kept.
    unbearable: Vec<(u32, String)>,
    /// What went out of the run or came back in the batch under way.
    pub(super) incidents: Vec<Incident>,
}

/// What a rule said of a batch: rows of the batch, ascending.
#[derive(Debug)]
pub(super) struct Judged {
    /// The rows that the rule applies to; `None`: all.
    pub(super) applied: Option<Vec<u32>>,
    /// Places among those.
    pub(super) verdicts: Verdicts,
}

impl Judged {
    /// The row of the batch that a place among the verdicts stands for.
    pub(super) fn row(&self, place: u32) -> usize {
        self.applied.as_ref().map_or(place, |applied| applied[place as usize]) as usize
    }
}

impl Judge {
    pub(super) fn new(rule: Arc<Rule>, place: usize, catalog: &Catalog) -> Self {
        let gate = gate_of(&rule, catalog);
        let (columns, parameters) = (rule.columns.len(), rule.scopes.default.len());
        let shadow =
            rule.shadow.as_ref().map(|shadow| Box::new(Shadow::new(Arc::clone(shadow), place, catalog)));
        Self {
            place,
            gate,
            watched: HashMap::default(),
            cost: RuleCost::default(),
            shadow,
            instance: None,
            breaker: Breaker::default(),
            constants: vec![Vec::new(); parameters],
            scopes: Vec::new(),
            selected: Vec::new(),
            gathered: vec![Vec::new(); columns],
            unbearable: Vec::new(),
            incidents: Vec::new(),
            rule,
        }
    }

    /// Goes on as what the rule is now: the systems it watches and their detections stay, and so does its account.
    pub(super) fn adopt(self, rule: &Arc<Rule>, place: usize, catalog: &Catalog) -> Self {
        if Arc::ptr_eq(&self.rule, rule) {
            return Self { place, gate: gate_of(rule, catalog), ..self };
        }
        let mut next = Self::new(Arc::clone(rule), place, catalog);
        next.watched = self.watched;
        next.cost = self.cost;
        let quarantine = next.cost.quarantine.take();
        if self.rule.plugin.digest == rule.plugin.digest && self.rule.settings == rule.settings {
            // Only parameters or words have changed: the plugin is the same, and so is what it did.
            next.instance = self.instance;
            next.breaker = self.breaker;
            next.cost.quarantine = quarantine;
        } else {
            // What another plugin was shown is no evidence of this one's verdict.
            next.watched.values_mut().for_each(|watched| watched.deciding.clear());
        }
        if let (Some(kept), Some(wanted)) = (self.shadow, &rule.shadow)
            && kept.is_of(wanted)
        {
            next.shadow = Some(Box::new(kept.adopt(wanted, place, catalog)));
        }
        next
    }

    /// Judges every row of the batch that the rule applies to. `now` is the host's clock.
    pub(super) fn judge(&mut self, batch: &Batch, systems: &Systems, now: Millis) -> Judged {
        self.unbearable.clear();
        if self.rule.scopes.is_uniform() {
            let rows = batch.len();
            self.fill_constants(rows);
            let rule = Arc::clone(&self.rule);
            let constants = std::mem::take(&mut self.constants);
            let columns = rule.columns.iter().map(|source| match source {
                ColumnSource::Plan(column) => &batch.columns[*column][..rows],
                ColumnSource::Parameter(place) => &constants[*place][..rows],
            });
            let verdicts = self.evaluate(&columns.collect::<Vec<_>>(), rows, now);
            self.constants = constants;
            return Judged { applied: None, verdicts };
        }
        self.gather(batch, systems);
        let gathered = std::mem::take(&mut self.gathered);
        let columns: Vec<&[f64]> = gathered.iter().map(Vec::as_slice).collect();
        let verdicts = self.evaluate(&columns, self.selected.len(), now);
        self.gathered = gathered;
        Judged { applied: Some(self.selected.clone()), verdicts }
    }

    /// The parameters in force for a row's system.
    pub(super) fn parameters(&mut self, row: &Row, systems: &Systems) -> Arc<[f64]> {
        self.scope(row, systems).unwrap_or_else(|| Arc::clone(&self.rule.scopes.default))
    }

    /// Has one row explained; a plugin that cannot say why leaves the words to the rule's description.
    pub(super) fn explain(&mut self, batch: &Batch, row: usize, parameters: &[f64]) -> Option<Explanation> {
        let values: Vec<[f64; 1]> =
            self.inputs(batch, row, parameters).into_iter().map(|value| [value]).collect();
        let columns: Vec<&[f64]> = values.iter().map(<[f64; 1]>::as_slice).collect();
        let now = batch.rows[row].at;
        match self.ready(now)?.explain(&columns) {
            Ok(explanation) => Some(explanation),
            Err(error) => {
                self.strike(&error, now);
                None
            }
        }
    }

    /// The rows of the last batch that the plugin could not bear.
    pub(super) fn dead_rows(&mut self, judged: &Judged, batch: &Batch, systems: &Systems) -> Vec<DeadRow> {
        let unbearable = std::mem::take(&mut self.unbearable);
        unbearable
            .into_iter()
            .map(|(place, reason)| {
                let row = judged.row(place);
                let parameters = self.parameters(&batch.rows[row], systems);
                DeadRow {
                    rule_id: Arc::clone(&self.rule.rule_id),
                    plugin: Arc::clone(&self.rule.plugin.name),
                    digest: Arc::clone(&self.rule.plugin.digest),
                    system_id: systems.get(batch.rows[row].system).id.to_string(),
                    at: batch.rows[row].at,
                    inputs: self.inputs(batch, row, &parameters),
                    reason,
                }
            })
            .collect()
    }

    /// Why the rule is out of the run, if it is.
    pub(super) fn quarantine(&self) -> Option<&Quarantine> {
        self.breaker.current()
    }

    /// Lifts a quarantine by hand.
    pub(super) fn release(&mut self) {
        self.breaker.release();
        self.cost.quarantine = None;
    }

    /// What the plugin is shown of a row.
    pub(super) fn inputs(&self, batch: &Batch, row: usize, parameters: &[f64]) -> Vec<f64> {
        let value = |source: &ColumnSource| match source {
            ColumnSource::Plan(column) => batch.columns[*column][row],
            ColumnSource::Parameter(place) => parameters[*place],
        };
        self.rule.columns.iter().map(value).collect()
    }

    fn evaluate(&mut self, columns: &[&[f64]], rows: usize, now: Millis) -> Verdicts {
        let started = Instant::now();
        let failures_before = self.cost.failures;
        let mut verdicts = Verdicts { matched: Vec::new(), unknown: Vec::new() };
        let starts = (0..rows).step_by(CALL_ROWS_MAX).rev();
        let mut ranges: Vec<_> = starts.map(|start| start..rows.min(start + CALL_ROWS_MAX)).collect();
        while let Some(range) = ranges.pop() {
            let part: Vec<&[f64]> = columns.iter().map(|column| &column[range.clone()]).collect();
            let Some(instance) = self.ready(now) else {
                verdicts.unknown.extend(range.start as u32..range.end as u32);
                self.cost.unjudged_rows += range.len() as u64;
                continue;
            };
            match instance.evaluate(&part, range.len()) {
                Ok(part) if range.len() == rows => verdicts = part,
                Ok(part) => {
                    let shift = |row: u32| row + range.start as u32;
                    verdicts.matched.extend(part.matched.into_iter().map(shift));
                    verdicts.unknown.extend(part.unknown.into_iter().map(shift));
                }
                Err(error) => {
                    let left_alone = self.strike(&error, now);
                    if range.len() == 1 || left_alone {
                        verdicts.unknown.extend(range.start as u32..range.end as u32);
                        self.cost.unjudged_rows += range.len() as u64;
                        if range.len() == 1 && self.unbearable.len() < DEAD_ROWS_PER_BATCH_MAX {
                            self.unbearable.push((range.start as u32, error.to_string()));
                        }
                    } else {
                        let middle = range.start + range.len() / 2;
                        ranges.push(middle..range.end);
                        ranges.push(range.start..middle);
                    }
                }
            }
        }
        if self.cost.failures == failures_before && self.breaker.current().is_none() && self.breaker.clean() {
            self.cost.quarantine = None;
            self.tell(None);
        }
        self.cost.time += started.elapsed();
        self.cost.rows += rows as u64;
        verdicts
    }

    /// The instance, made anew if the last one is gone; `None`: the plugin is left alone.
    fn ready(&mut self, now: Millis) -> Option<&mut RuleInstance> {
        if self.breaker.quarantine(now).is_some() {
            return None;
        }
        if self.instance.is_none() {
            match self.rule.instance() {
                Ok(instance) => self.instance = Some(instance),
                Err(error) => {
                    let reason = error.to_string();
                    self.strike(&CallError::Trap { function: "configure", reason }, now);
                    return None;
                }
            }
        }
        self.instance.as_mut()
    }

    /// Counts a failure. True: the plugin is left alone from now on.
    fn strike(&mut self, error: &CallError, now: Millis) -> bool {
        if !error.leaves_instance_usable() {
            self.instance = None;
        }
        self.cost.failures += 1;
        let first = self.cost.failures == 1;
        self.cost.last_error = Some(error.to_string());
        let (rule_id, plugin) = (&*self.rule.rule_id, &*self.rule.plugin.name);
        if self.breaker.strike(error, now) {
            if self.cost.quarantine.as_ref() != self.breaker.current() {
                self.cost.quarantine = self.breaker.current().cloned();
                self.tell(self.cost.quarantine.clone());
            }
            return true;
        }
        if first {
            tracing::warn!(rule_id, plugin, %error, "a call failed; its rows are tried in halves");
        } else {
            tracing::debug!(rule_id, plugin, %error, "a call failed again");
        }
        false
    }

    fn tell(&mut self, quarantine: Option<Quarantine>) {
        let (rule_id, plugin) = (Arc::clone(&self.rule.rule_id), Arc::clone(&self.rule.plugin.name));
        match &quarantine {
            Some(Quarantine { until, reason, times, .. }) => {
                tracing::error!(
                    %rule_id, %plugin, reason, times, %until,
                    "the rule is out of the run: its plugin keeps failing"
                );
            }
            None => tracing::info!(%rule_id, %plugin, "the rule is back in the run"),
        }
        self.incidents.push(Incident { rule_id, plugin, quarantine });
    }

    fn fill_constants(&mut self, rows: usize) {
        for (column, &value) in self.constants.iter_mut().zip(&*self.rule.scopes.default) {
            if column.len() < rows {
                column.resize(rows, value);
            }
        }
    }

    /// What the rule is to a row's system; remembered until the system changes its type.
    fn scope(&mut self, row: &Row, systems: &Systems) -> Scope {
        let place = row.system.place();
        if place >= self.scopes.len() {
            self.scopes.resize(place + 1, None);
        }
        match &self.scopes[place] {
            Some((system_type, scope)) if *system_type == row.system_type => scope.clone(),
            _ => {
                let scope = self.rule.scopes.of(&systems.get(row.system).id, row.system_type);
                self.scopes[place] = Some((row.system_type, scope.clone()));
                scope
            }
        }
    }

    fn gather(&mut self, batch: &Batch, systems: &Systems) {
        self.selected.clear();
        self.gathered.iter_mut().for_each(Vec::clear);
        let rule = Arc::clone(&self.rule);
        for (place, row) in batch.rows.iter().enumerate() {
            let Some(parameters) = self.scope(row, systems) else { continue };
            self.selected.push(place as u32);
            for (column, source) in self.gathered.iter_mut().zip(&rule.columns) {
                column.push(match source {
                    ColumnSource::Plan(plan) => batch.columns[*plan][place],
                    ColumnSource::Parameter(parameter) => parameters[*parameter],
                });
            }
        }
    }
}

fn gate_of(rule: &Rule, catalog: &Catalog) -> Gate {
    Gate {
        min_occurrences: rule.min_occurrences,
        window_s: rule.window_s,
        reopen_within_s: catalog.config.detections.reopen_within_s,
    }
}
