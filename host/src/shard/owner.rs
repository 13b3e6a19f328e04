//! The shard itself: what it owns, and the order in which a round passes through.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::batch::{Batch, Origin};
use super::decide::decide;
use super::fates::Fates;
use super::judge::Judge;
use super::keep::{Keeper, Kept};
use super::report::{EventKey, RuleCost, ShardEnd, ShardReport, ShardStatus, Updates};
use super::round::Round;
use super::shadow::Comparison;
use super::watched::Watched;
use crate::alerts::Labels;
use crate::catalog::Catalog;
use crate::detections::{Detection, Event, EventKind};
use crate::history::{SilenceClock, System, SystemIndex, Systems, WARMED};
use crate::ingest::Sample;
use crate::model::{DetectionType, TypeId, hash_id};
use crate::observer::{Blindness, Change};
use crate::presence::State;
use crate::scoring::{FeatureRow, Features, Models, Panel, PanelCost};
use crate::time::Millis;
use crate::vanished::LabelChange;

/// One shard.
pub struct Shard {
    number: usize,
    catalog: Arc<Catalog>,
    pub(super) systems: Systems,
    pub(super) silence: SilenceClock,
    pub(super) judges: Vec<Judge>,
    pub(super) keeper: Option<Keeper>,
    panel: Panel,
    scores_wanted: bool,
    batch: Batch,
    /// The columns that scorers read.
    features: Vec<usize>,
    trainer: SyncSender<Features>,
    /// Rows of one type and generation, gathered for the panel.
    group: Vec<Vec<f64>>,
    silence_rows: u64,
    /// Labels that have changed since the last round.
    labels: Vec<LabelChange>,
    /// What keeps the host from seeing, if anything does.
    blind: Option<Blindness>,
    /// Room for the moments of silence that are being noticed.
    silent: Vec<(Millis, SystemIndex)>,
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
            catalog: Arc::clone(catalog),
            keeper: None,
            systems: Systems::new(
                catalog.plan.clone(),
                Arc::clone(&catalog.agreements),
                config.history.max_data_points,
                lateness_ms,
            ),
            silence: SilenceClock::default(),
            judges: (catalog.rules.iter().enumerate())
                .map(|(place, rule)| Judge::new(Arc::clone(rule), place, catalog))
                .collect(),
            panel: Panel::new(Arc::clone(catalog), Arc::clone(models)),
            scores_wanted,
            batch: Batch::new(width, catalog.scorers.len()),
            features: catalog.features(),
            trainer,
            group: vec![Vec::new(); width],
            silence_rows: 0,
            labels: Vec::new(),
            blind: None,
            silent: Vec::new(),
        }
    }

    /// Takes in this shard's part of a round and judges it.
    pub fn process(&mut self, round: &Round) -> ShardReport {
        let mut report = ShardReport {
            round: round.number,
            events: Vec::new(),
            updates: Updates::default(),
            scored_rows: Vec::new(),
            scores: Vec::new(),
            fates: Fates::default(),
            dead: Vec::new(),
            incidents: Vec::new(),
            kept: Vec::new(),
            kept_through: round.number,
            labels: Vec::new(),
            status: ShardStatus::default(),
        };
        if !Arc::ptr_eq(&self.catalog, &round.catalog) {
            self.adopt(round, &mut report.events);
        }
        let replayed = self.keeper.as_ref().is_some_and(|keeper| round.number <= keeper.known_through);
        let mut learned = Vec::new();
        let rows = round.rows_of_shard.get(self.number).map_or(&[][..], Vec::as_slice);
        let mut sight = round.sight.changes.iter().copied().peekable();
        // Features of the whole round go out before the first score is asked for: another shard may be waiting for a
        // model that they are part of.
        for (place, &row) in rows.iter().enumerate() {
            if place % WARMED == 0 {
                let ahead = rows[place..].iter().take(WARMED).map(|&row| row as usize);
                self.systems.warm(ahead.map(|row| (round.samples.sample(row), round.stamps[row].arrival)));
            }
            let stamp = &round.stamps[row as usize];
            while let Some((_, change)) = sight.next_if(|&(before, _)| before <= row) {
                self.see(change, round.number);
            }
            self.notice_silence(stamp.arrival, round.number);
            let sample = round.samples.sample(row as usize);
            if replayed && self.is_part_of(&sample, round.number) {
                continue;
            }
            let taken =
                self.batch.take(&sample, row, stamp, &mut self.systems, &mut self.silence, &mut report.fates);
            let Some((system, judged)) = taken else { continue };
            self.note_change(system, round.number);
            self.note_labels(system);
            if judged && stamp.learned {
                let last = self.batch.len() - 1;
                let values = self.features.iter().map(|&feature| self.batch.columns[feature][last]).collect();
                learned.push(FeatureRow { row, system_type: sample.system_type, values });
            }
        }
        for (_, change) in sight {
            self.see(change, round.number);
        }
        self.notice_silence(round.sight.horizon, round.number);
        // The trainer is gone only when the pipeline is being torn down; nothing is learned then.
        drop(self.trainer.send(Features::Learned { round: round.number, rows: learned }));
        if self.batch.len() > 0 {
            self.score(&mut report);
            self.judge(round, &mut report);
            self.follow_presence();
            self.batch.clear();
        }
        (report.kept, report.kept_through) = self.write_down(round.number, rows.len(), false);
        report.labels = std::mem::take(&mut self.labels);
        report.status = ShardStatus {
            shard: self.number,
            systems: self.systems.all().len(),
            silence_rows: self.silence_rows,
        };
        report
    }

    /// Everything that is not written down yet.
    pub fn write_everything_down(&mut self) -> Vec<Kept> {
        self.write_down(self.keeper.as_ref().map_or(0, |keeper| keeper.round), 0, true).0
    }

    /// What keeps the host from seeing, if anything does.
    #[must_use]
    pub fn blindness(&self) -> Option<Blindness> {
        self.blind
    }

    /// The systems of this shard.
    #[must_use]
    pub fn systems(&self) -> &Systems {
        &self.systems
    }

    /// A system by its name.
    #[must_use]
    pub fn system(&self, id: &str) -> Option<&crate::history::System> {
        Some(self.systems.get(self.systems.find(id, self.hash(id))?))
    }

    /// The detections of a system that are not over.
    pub fn ongoing_of<'a>(&'a self, id: &str) -> impl Iterator<Item = &'a Detection> {
        let index = self.systems.find(id, self.hash(id));
        self.judges.iter().filter_map(move |judge| judge.watched.get(&index?)?.ongoing())
    }

    /// Every detection that is not over.
    pub fn ongoing(&self) -> impl Iterator<Item = &Detection> {
        self.judges.iter().flat_map(|judge| judge.watched.values()).filter_map(Watched::ongoing)
    }

    /// What each rule has cost, and how its shadow differs, if it has one.
    pub fn accounts(&self) -> impl Iterator<Item = (&Arc<str>, &RuleCost, Option<&Comparison>)> {
        self.judges.iter().map(|judge| {
            (&judge.rule.rule_id, &judge.cost, judge.shadow.as_ref().map(|shadow| &shadow.comparison))
        })
    }

    /// What each scorer has cost.
    pub fn scorer_accounts(&self) -> impl Iterator<Item = (&Arc<str>, &PanelCost)> {
        self.catalog.scorers.iter().map(|scorer| &scorer.scorer_id).zip(self.panel.costs())
    }

    /// Lifts the quarantine of a rule. Says whether it was in one.
    pub fn release(&mut self, rule_id: &str) -> bool {
        let judge = self.judges.iter_mut().find(|judge| *judge.rule.rule_id == *rule_id);
        judge.is_some_and(|judge| {
            judge.quarantine().is_some() && {
                judge.release();
                true
            }
        })
    }

    /// Sight was lost, or came back: then every silence begins anew.
    fn see(&mut self, change: Change, round: u64) {
        match change {
            Change::Began(blindness) => {
                self.notice_silence(blindness.since, round);
                self.blind = Some(blindness);
            }
            Change::Ended { blindness, until } => {
                self.systems.excuse_all(blindness.since, until);
                self.blind = None;
            }
        }
    }

    /// The host listens from `now` on.
    pub fn listen_from(&mut self, now: Millis) {
        self.silence.listen_from(now, &mut self.systems);
    }

    /// What the host calls a system by inside.
    pub(super) fn hash(&self, id: &str) -> u64 {
        hash_id(&self.catalog.ids, id)
    }

    /// Whether a system was written down with this round in it.
    fn is_part_of(&self, sample: &Sample<'_>, round: u64) -> bool {
        let known = self.systems.find(sample.system_id, sample.id_hash);
        known.is_some_and(|system| self.systems.get(system).kept.round >= round)
    }

    /// Goes on with what is in force now. Detections of rules that are gone are over.
    fn adopt(&mut self, round: &Round, events: &mut Vec<(EventKey, Event)>) {
        let catalog = &round.catalog;
        self.systems.adopt(&catalog.plan, &catalog.agreements);
        self.batch.widen(catalog.plan.width(), catalog.scorers.len());
        self.group.resize(catalog.plan.width(), Vec::new());
        self.features = catalog.features();
        self.panel.adopt(catalog);
        let mut before = std::mem::take(&mut self.judges);
        for (place, rule) in catalog.rules.iter().enumerate() {
            let known = before.iter().position(|judge| judge.rule.rule_id == rule.rule_id);
            self.judges.push(match known {
                Some(known) => before.swap_remove(known).adopt(rule, place, catalog),
                None => Judge::new(Arc::clone(rule), place, catalog),
            });
        }
        for judge in before {
            for (system, mut watched) in judge.watched {
                self.systems.get_mut(system).watched_by -= 1;
                self.note_change(system, round.number);
                if let Some(mut detection) = watched.detection.take()
                    && detection.resolved_at.is_none()
                {
                    detection.resolve(round.clock, "its rule is no longer in force".to_owned());
                    let key = EventKey::of_change(round.clock, &detection.system_id, judge.place);
                    events.push((key, Event { event: EventKind::Resolved, detection: *detection }));
                }
            }
        }
        self.catalog = Arc::clone(catalog);
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
    fn notice_silence(&mut self, until: Millis, round: u64) {
        let until = self.blind.map_or(until, |blindness| until.min(blindness.since));
        let mut silent = std::mem::take(&mut self.silent);
        self.silence.silent(until, &mut self.systems, &mut silent);
        for (at, system) in silent.drain(..) {
            self.note_change(system, round);
            if self.is_away(system, at) {
                continue;
            }
            self.batch.note_silence(system, at, &self.systems);
            self.silence_rows += 1;
        }
        self.silent = silent;
    }

    /// Whether a system that should have been heard by now is in a maintenance window: it counts as having said goodbye.
    fn is_away(&mut self, index: SystemIndex, at: Millis) -> bool {
        if !self.catalog.alerts.has_maintenance() {
            return false;
        }
        let system = self.systems.get(index);
        let (absence, known) = (system.absence(), system.presence.current() == State::Silent);
        if absence.is_some_and(|absence| at < absence.returns_at) {
            return true; // since an earlier moment of this turn
        }
        if known || !system.is_gone(at) {
            return false;
        }
        let Some((window, until)) = self.catalog.alerts.maintenance(&self.labels_of(system), at) else {
            return false;
        };
        let reason = format!("maintenance window {window}");
        self.systems.get_mut(index).go_away(at, until, &reason);
        true
    }

    /// What the alerts of a system would be known by, as far as they are about it alone.
    fn labels_of(&self, system: &System) -> Labels {
        let system_type = self.catalog.types.name(system.system_type.0).to_string();
        let names =
            [("system_id".to_owned(), system.id.to_string()), ("system_type".to_owned(), system_type)];
        let texts = system.latest_texts();
        let texts =
            texts.map(|(metric, text)| (self.catalog.metrics.name(metric.0).to_string(), text.to_owned()));
        texts.chain(names).collect()
    }

    /// Notes what labels a system has now.
    pub(super) fn note_labels(&mut self, index: SystemIndex) {
        if self.systems.get(index).is_relabelled() {
            let name = self.catalog.types.name(self.systems.get(index).system_type.0);
            let labels = &self.catalog.agreements.labels;
            self.systems.get_mut(index).take_labels(&name, labels, &mut self.labels);
        }
    }

    /// Notes what state the systems of the batch are in now.
    fn follow_presence(&mut self) {
        for row in &self.batch.rows {
            let system = self.systems.get(row.system);
            let silence = matches!(row.origin, Origin::Silence { .. });
            if !silence && system.watched_by == 0 && system.presence.current() == State::Healthy {
                continue; // as nearly always
            }
            let ongoing = self.judges.iter().filter_map(|judge| judge.watched.get(&row.system)?.ongoing());
            // One that is heard again is not down because it was silent, though that is not over for those who watch.
            let shown = ongoing.filter(|detection| !detection.is_by_silence());
            let mut troubles = shown.map(|detection| detection.detection_type).peekable();
            let state = match (system.absence(), silence) {
                (Some(_), false) => State::Absent,
                _ if silence && row.at.seconds_since(system.last_arrival()) <= system.silence_limit_s() => {
                    continue;
                }
                _ if silence => State::Silent,
                _ if troubles.peek().is_none() => State::Healthy,
                _ if troubles.any(|kind| kind == DetectionType::Disconnection) => State::Down,
                _ => State::Degraded,
            };
            self.systems.get_mut(row.system).presence.become_state(row.at, state);
        }
    }

    fn judge(&mut self, round: &Round, report: &mut ShardReport) {
        for judge in &mut self.judges {
            let time_before = judge.cost.time;
            let judged = judge.judge(&self.batch, &self.systems, round.clock);
            report.dead.extend(judge.dead_rows(&judged, &self.batch, &self.systems));
            if let Some(mut shadow) = judge.shadow.take() {
                let time = judge.cost.time - time_before;
                shadow.compare(&judged, time, &self.batch, &self.systems, round.clock);
                judge.shadow = Some(shadow);
            }
            decide(judge, &judged, &self.batch, round, &mut self.systems, &mut self.panel, report);
            report.incidents.append(&mut judge.incidents);
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
