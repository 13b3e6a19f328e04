//! One rule at work in one shard: its instance, what it costs, and what becomes of a plugin that fails.
//!
//! A failed call is repeated on halves of its rows until the row that the plugin cannot bear stands alone; that row
//! counts as unknown, and all others are judged. A plugin that keeps failing is taken out of the run, visibly.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::batch::{Batch, Row};
use super::report::RuleCost;
use super::watched::Watched;
use crate::catalog::{Catalog, ColumnSource, Rule, Scope};
use crate::detections::Gate;
use crate::history::{SystemIndex, Systems};
use crate::limits::{CALL_ROWS_MAX, DEADLINE_STRIKES, STRIKES_MAX};
use crate::model::TypeId;
use crate::sandbox::contract::{Explanation, Verdicts};
use crate::sandbox::{CallError, RuleInstance};

/// A rule at work.
pub(super) struct Judge {
    catalog: Arc<Catalog>,
    /// The rule's place in the catalog.
    pub(super) place: usize,
    pub(super) gate: Gate,
    /// The systems that it keeps an eye on.
    pub(super) watched: HashMap<SystemIndex, Watched, foldhash::fast::RandomState>,
    pub(super) cost: RuleCost,
    instance: Option<RuleInstance>,
    strikes: u32,
    /// Columns of parameters that are the same for every system.
    constants: Vec<Vec<f64>>,
    /// What the rule is to each system, for the type it had.
    scopes: Vec<Option<(TypeId, Scope)>>,
    /// Rows and columns gathered for a rule that is not the same for every system.
    selected: Vec<u32>,
    gathered: Vec<Vec<f64>>,
}

/// What a rule said of a batch: rows of the batch, ascending.
#[derive(Debug)]
pub(super) struct Judged {
    /// The rows that the rule applies to; `None`: all.
    pub(super) applied: Option<Vec<u32>>,
    /// Places among those.
    pub(super) verdicts: Verdicts,
}

impl Judge {
    pub(super) fn new(catalog: Arc<Catalog>, place: usize) -> Self {
        let rule = &catalog.rules[place];
        let gate = Gate {
            min_occurrences: rule.min_occurrences,
            window_s: rule.window_s,
            reopen_within_s: catalog.config.detections.reopen_within_s,
        };
        let columns = rule.columns.len();
        Self {
            place,
            gate,
            watched: HashMap::default(),
            cost: RuleCost::default(),
            instance: None,
            strikes: 0,
            constants: vec![Vec::new(); rule.scopes.default.len()],
            scopes: Vec::new(),
            selected: Vec::new(),
            gathered: vec![Vec::new(); columns],
            catalog,
        }
    }

    pub(super) fn rule(&self) -> &Rule {
        &self.catalog.rules[self.place]
    }

    /// Judges every row of the batch that the rule applies to.
    pub(super) fn judge(&mut self, batch: &Batch, systems: &Systems) -> Judged {
        if self.rule().scopes.is_uniform() {
            let rows = batch.len();
            self.fill_constants(rows);
            let catalog = Arc::clone(&self.catalog);
            let constants = std::mem::take(&mut self.constants);
            let columns = catalog.rules[self.place].columns.iter().map(|source| match source {
                ColumnSource::Plan(column) => &batch.columns[*column][..rows],
                ColumnSource::Parameter(place) => &constants[*place][..rows],
            });
            let verdicts = self.evaluate(&columns.collect::<Vec<_>>(), rows);
            self.constants = constants;
            return Judged { applied: None, verdicts };
        }
        self.gather(batch, systems);
        let gathered = std::mem::take(&mut self.gathered);
        let columns: Vec<&[f64]> = gathered.iter().map(Vec::as_slice).collect();
        let verdicts = self.evaluate(&columns, self.selected.len());
        self.gathered = gathered;
        Judged { applied: Some(self.selected.clone()), verdicts }
    }

    /// The parameters in force for a row's system.
    pub(super) fn parameters(&mut self, row: &Row, systems: &Systems) -> Arc<[f64]> {
        self.scope(row, systems).unwrap_or_else(|| Arc::clone(&self.rule().scopes.default))
    }

    /// Has one row explained; a plugin that cannot say why leaves the words to the rule's description.
    pub(super) fn explain(&mut self, batch: &Batch, row: usize, parameters: &[f64]) -> Option<Explanation> {
        let rule = &self.catalog.rules[self.place];
        let values: Vec<[f64; 1]> = rule
            .columns
            .iter()
            .map(|source| match source {
                ColumnSource::Plan(column) => [batch.columns[*column][row]],
                ColumnSource::Parameter(place) => [parameters[*place]],
            })
            .collect();
        let columns: Vec<&[f64]> = values.iter().map(<[f64; 1]>::as_slice).collect();
        self.ready().ok()?;
        match self.instance.as_mut()?.explain(&columns) {
            Ok(explanation) => Some(explanation),
            Err(error) => {
                self.strike(&error);
                None
            }
        }
    }

    fn evaluate(&mut self, columns: &[&[f64]], rows: usize) -> Verdicts {
        let started = Instant::now();
        let strikes_before = self.strikes;
        let mut verdicts = Verdicts { matched: Vec::new(), unknown: Vec::new() };
        let starts = (0..rows).step_by(CALL_ROWS_MAX).rev();
        let mut ranges: Vec<_> = starts.map(|start| start..rows.min(start + CALL_ROWS_MAX)).collect();
        while let Some(range) = ranges.pop() {
            let part: Vec<&[f64]> = columns.iter().map(|column| &column[range.clone()]).collect();
            let answer = self.ready().and_then(|instance| instance.evaluate(&part, range.len()));
            match answer {
                Ok(part) if range.len() == rows => verdicts = part,
                Ok(part) => {
                    let shift = |row: u32| row + range.start as u32;
                    verdicts.matched.extend(part.matched.into_iter().map(shift));
                    verdicts.unknown.extend(part.unknown.into_iter().map(shift));
                }
                Err(error) => {
                    self.strike(&error);
                    if range.len() == 1 || self.cost.suspended {
                        verdicts.unknown.extend(range.start as u32..range.end as u32);
                        self.cost.unjudged_rows += range.len() as u64;
                    } else {
                        let middle = range.start + range.len() / 2;
                        ranges.push(middle..range.end);
                        ranges.push(range.start..middle);
                    }
                }
            }
        }
        if self.strikes == strikes_before {
            self.strikes = self.strikes.saturating_sub(1);
        }
        self.cost.time += started.elapsed();
        self.cost.rows += rows as u64;
        verdicts
    }

    /// The instance, made anew if the last one is gone.
    fn ready(&mut self) -> Result<&mut RuleInstance, CallError> {
        let gone = |reason: String| CallError::Trap { function: "configure", reason };
        if self.cost.suspended {
            return Err(gone("the rule is out of the run".to_owned()));
        }
        match &mut self.instance {
            Some(instance) => Ok(instance),
            vacant => {
                let instance =
                    self.catalog.rules[self.place].instance().map_err(|error| gone(error.to_string()))?;
                Ok(vacant.insert(instance))
            }
        }
    }

    fn strike(&mut self, error: &CallError) {
        if self.cost.suspended {
            return;
        }
        if !error.leaves_instance_usable() {
            self.instance = None;
        }
        self.strikes += if matches!(error, CallError::Deadline { .. }) { DEADLINE_STRIKES } else { 1 };
        self.cost.failures += 1;
        let first = self.cost.failures == 1;
        self.cost.last_error = Some(error.to_string());
        let rule = &self.catalog.rules[self.place];
        let (rule_id, plugin) = (&*rule.rule_id, &*rule.plugin.name);
        if self.strikes >= STRIKES_MAX {
            self.cost.suspended = true;
            tracing::error!(rule_id, plugin, %error, "the rule is taken out of the run: its plugin keeps failing");
        } else if first {
            tracing::warn!(rule_id, plugin, %error, "a call failed; its rows are tried in halves");
        } else {
            tracing::debug!(rule_id, plugin, %error, "a call failed again");
        }
    }

    fn fill_constants(&mut self, rows: usize) {
        let values = Arc::clone(&self.rule().scopes.default);
        for (column, &value) in self.constants.iter_mut().zip(&*values) {
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
                let scope = self.rule().scopes.of(&systems.get(row.system).id, row.system_type);
                self.scopes[place] = Some((row.system_type, scope.clone()));
                scope
            }
        }
    }

    fn gather(&mut self, batch: &Batch, systems: &Systems) {
        self.selected.clear();
        self.gathered.iter_mut().for_each(Vec::clear);
        for (place, row) in batch.rows.iter().enumerate() {
            let Some(parameters) = self.scope(row, systems) else { continue };
            self.selected.push(place as u32);
            for (column, source) in self.gathered.iter_mut().zip(&self.catalog.rules[self.place].columns) {
                column.push(match source {
                    ColumnSource::Plan(plan) => batch.columns[*plan][place],
                    ColumnSource::Parameter(parameter) => parameters[*parameter],
                });
            }
        }
    }
}
