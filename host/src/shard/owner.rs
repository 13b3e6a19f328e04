//! The shard itself: what it owns, and the order in which a round passes through.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::batch::{Batch, Origin};
use super::decide::decide;
use super::fates::Fates;
use super::judge::Judge;
use super::report::{EventKey, ShardEnd, ShardReport};
use super::round::Round;
use crate::catalog::Catalog;
use crate::detections::{Event, EventKind};
use crate::history::{SilenceClock, Systems, WARMED};
use crate::model::TypeId;
use crate::scoring::{FeatureRow, Features, Models, Panel};
use crate::time::Millis;

/// One shard.
pub struct Shard {
    number: usize,
    systems: Systems,
    silence: SilenceClock,
    judges: Vec<Judge>,
    panel: Panel,
    scores_wanted: bool,
    batch: Batch,
    /// The columns that scorers read.
    features: Vec<usize>,
    trainer: SyncSender<Features>,
    /// Rows of one type and generation, gathered for the panel.
    group: Vec<Vec<f64>>,
    silence_rows: u64,
}

impl Shard {
    /// A shard that owns no system yet. `scores_wanted`: every row's scores are reported.
    #[must_use]
    pub fn new(
        number: usize,
        catalog: &Arc<Catalog>,
        models: &Arc<Models>,
        trainer: SyncSender<Features>,
        scores_wanted: bool,
    ) -> Self {
        let config = &catalog.config;
        let lateness_ms = (config.input.lateness_s * 1e3) as i64;
        let width = catalog.plan.width();
        Self {
            number,
            systems: Systems::new(catalog.plan.clone(), config.history.max_data_points, lateness_ms),
            silence: SilenceClock::default(),
            judges: (0..catalog.rules.len()).map(|place| Judge::new(Arc::clone(catalog), place)).collect(),
            panel: Panel::new(Arc::clone(catalog), Arc::clone(models)),
            scores_wanted,
            batch: Batch::new(width, catalog.scorers.len()),
            features: catalog.features(),
            trainer,
            group: vec![Vec::new(); width],
            silence_rows: 0,
        }
    }

    /// Takes in this shard's part of a round and judges it.
    pub fn process(&mut self, round: &Round) -> ShardReport {
        let mut report = ShardReport {
            round: round.number,
            events: Vec::new(),
            scored_rows: Vec::new(),
            scores: Vec::new(),
            fates: Fates::default(),
        };
        let mut learned = Vec::new();
        let rows = round.rows_of_shard.get(self.number).map_or(&[][..], Vec::as_slice);
        // Features of the whole round go out before the first score is asked for: another shard may be waiting for a
        // model that they are part of.
        for (place, &row) in rows.iter().enumerate() {
            if place % WARMED == 0 {
                let ahead = rows[place..].iter().take(WARMED).map(|&row| row as usize);
                self.systems.warm(ahead.map(|row| (round.samples.sample(row), round.stamps[row].arrival)));
            }
            let stamp = &round.stamps[row as usize];
            self.notice_silence(stamp.arrival);
            let sample = round.samples.sample(row as usize);
            let judged =
                self.batch.take(&sample, row, stamp, &mut self.systems, &mut self.silence, &mut report.fates);
            if judged && stamp.learned {
                let last = self.batch.len() - 1;
                let values = self.features.iter().map(|&feature| self.batch.columns[feature][last]).collect();
                learned.push(FeatureRow { row, system_type: sample.system_type, values });
            }
        }
        self.notice_silence(round.clock);
        // The trainer is gone only when the pipeline is being torn down; nothing is learned then.
        drop(self.trainer.send(Features::Learned { round: round.number, rows: learned }));
        if self.batch.len() > 0 {
            self.score(&mut report);
            self.judge(round, &mut report.events);
            self.batch.clear();
        }
        report
    }

    /// What there is to tell when the input has ended.
    #[must_use]
    pub fn end(&self) -> ShardEnd {
        let ongoing = self
            .judges
            .iter()
            .flat_map(|judge| judge.watched.values())
            .filter_map(|watched| watched.ongoing());
        ShardEnd {
            ongoing: ongoing
                .map(|detection| Event { event: EventKind::Ongoing, detection: detection.clone() })
                .collect(),
            systems: self.systems.all().len(),
            bytes: self.systems.all().iter().map(crate::history::System::bytes).sum(),
            rule_costs: self.judges.iter().map(|judge| judge.cost.clone()).collect(),
            scorer_costs: self.panel.costs().to_vec(),
            silence_rows: self.silence_rows,
        }
    }

    /// Adds a row for every system that has been silent for too long at some moment up to `until`.
    fn notice_silence(&mut self, until: Millis) {
        while let Some((at, system)) = self.silence.next_silent(until, &mut self.systems) {
            self.batch.note_silence(system, at, &self.systems);
            self.silence_rows += 1;
        }
    }

    fn judge(&mut self, round: &Round, events: &mut Vec<(EventKey, Event)>) {
        for judge in &mut self.judges {
            let judged = judge.judge(&self.batch, &self.systems);
            decide(judge, &judged, &self.batch, round, &mut self.systems, events);
        }
    }

    /// Scores the samples of the batch, type by type.
    fn score(&mut self, report: &mut ShardReport) {
        self.batch.reset_scores();
        for (system_type, generation, rows) in self.groups() {
            for &feature in &self.features {
                let (from, to) = (&self.batch.columns[feature], &mut self.group[feature]);
                to.clear();
                to.extend(rows.iter().map(|&row| from[row as usize]));
            }
            let scores = self.panel.score(system_type, generation, &self.group, rows.len());
            for (place, &row) in rows.iter().enumerate() {
                self.batch.combined[row as usize] = scores.combined[place];
                for (all, part) in self.batch.by_scorer.iter_mut().zip(&scores.by_scorer) {
                    all[row as usize] = part[place];
                }
            }
        }
        if self.scores_wanted {
            for (place, row) in self.batch.rows.iter().enumerate() {
                if let Origin::Sample { row, .. } = row.origin {
                    report.scored_rows.push(row);
                    report.scores.extend(self.batch.by_scorer.iter().map(|scores| scores[place]));
                    report.scores.push(self.batch.combined[place]);
                }
            }
        }
    }

    /// The rows of the batch that have a model, by type and generation, in the order in which they first appear.
    fn groups(&self) -> Vec<(TypeId, u32, Vec<u32>)> {
        let mut groups: Vec<(TypeId, u32, Vec<u32>)> = Vec::new();
        let mut current: Vec<Option<usize>> = Vec::new();
        for (place, row) in self.batch.rows.iter().enumerate() {
            let Origin::Sample { generation, .. } = row.origin else { continue };
            if generation == 0 {
                continue;
            }
            let kind = usize::from(row.system_type.0);
            if kind >= current.len() {
                current.resize(kind + 1, None);
            }
            let group = match current[kind].filter(|&group| groups[group].1 == generation) {
                Some(group) => group,
                None => {
                    groups.push((row.system_type, generation, Vec::new()));
                    current[kind] = Some(groups.len() - 1);
                    groups.len() - 1
                }
            };
            groups[group].2.push(place as u32);
        }
        groups
    }
}
