//! One system: its kept samples, its windows, its heartbeat.

use std::hash::{BuildHasher, Hasher};

use super::absence::Absence;
use super::plan::{Binding, Plan};
use super::record::{Chunk, ChunkRef, SystemRecord, SystemWriting};
use super::ring::Ring;
use super::window::Track;
use crate::heartbeat::{Agreement, Beat, Contract, Fact, Facts, Heartbeat, Report};
use crate::ingest::Sample;
use crate::limits::{CHUNK_ROWS, METRICS_PER_SYSTEM_MAX};
use crate::model::{MetricId, TypeId};
use crate::presence::{Presence, State};
use crate::time::Millis;
use crate::vanished::LabelChange;

/// What becomes of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is judged.
    Judged,
    /// A sample of the same system and time was there already.
    Duplicate,
    /// It is older than the newest one by more than the lateness bound; it counts as a sign of life and no more.
    TooLate,
    /// It brings more distinct metrics than a system may have.
    TooManyMetrics,
}

const ABSENT: u16 = u16::MAX;
/// Signs of life that arrive within this share of the time between them had waited somewhere.
const BACKLOG_SHARE: f64 = 0.2;

/// What holds for every sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// A sample may be so much older than its system's newest.
    pub(super) lateness_ms: i64,
    /// The text in which systems say goodbye.
    pub(super) goodbye: Option<MetricId>,
    /// How long after its first sign of life, or its return, the silence of a system is nothing.
    pub(super) startup_s: f64,
}

/// A system and its past.
#[derive(Debug)]
pub struct System {
    /// Its name.
    pub id: Box<str>,
    /// Its type, by its last sample.
    pub system_type: TypeId,
    /// Rules that are keeping an eye on it; see the gate.
    pub watched_by: u32,
    /// When the silence clock looks at it next.
    pub(super) silence_check: Option<Millis>,
    heartbeat: Heartbeat,
    agreement: Agreement,
    absence: Option<Absence>,
    /// Until then it is starting, and its silence is nothing.
    starts_until: Millis,
    /// What state it is in, and was.
    pub presence: Presence,
    newest: Option<Millis>,
    ring: Ring,
    /// The metric of each place in a row.
    metrics: Vec<MetricId>,
    /// The place in a row of each metric of the plan; `ABSENT` until the system sends it.
    places: Vec<u16>,
    tracks: Vec<Track>,
    /// The texts as last sent.
    texts: Vec<(MetricId, Box<str>)>,
    /// They, or the type, may be others than when the labels were last looked at.
    relabelled: bool,
    /// The labels as last looked at.
    labels: Vec<(Box<str>, Box<str>)>,
    /// The row being written.
    scratch: Vec<f64>,
    /// What is written down of it.
    pub kept: KeptMark,
}

/// How far a system is written down.
#[derive(Clone, Debug, Default)]
pub struct KeptMark {
    /// Everything up to this round is; 0: nothing.
    pub round: u64,
    /// Something has changed since, and it waits to be written down.
    pub waiting: bool,
    /// Rows from here on are not.
    rows: u64,
    /// Where the others are.
    chunks: Vec<ChunkRef>,
}

impl System {
    pub(super) fn new(
        sample: &Sample<'_>,
        arrival: Millis,
        agreement: Agreement,
        plan: &Plan,
        rows_max: usize,
    ) -> Self {
        // Fixed keys: when sums are rebuilt shows in their last digits, which a replay must repeat.
        let mut hasher = foldhash::fast::FixedState::with_seed(0).build_hasher();
        hasher.write(sample.system_id.as_bytes());
        let stagger = (hasher.finish() % rows_max.max(1) as u64) as u32;
        Self {
            id: sample.system_id.into(),
            system_type: sample.system_type,
            watched_by: 0,
            silence_check: None,
            heartbeat: Heartbeat::new(Beat { arrival, sent: Some(sample.time) }),
            agreement,
            absence: None,
            starts_until: Millis(i64::MIN),
            presence: Presence::new(arrival),
            newest: None,
            ring: Ring::new(rows_max, 0),
            metrics: Vec::new(),
            places: vec![ABSENT; plan.metrics.len()],
            tracks: plan.tracks.iter().map(|spec| Track::new(spec.kind, stagger)).collect(),
            texts: Vec::new(),
            relabelled: true,
            labels: Vec::new(),
            scratch: Vec::new(),
            kept: KeptMark::default(),
        }
    }

    /// A system as it was written down, without its samples; they are [put back](Self::put_back).
    pub(super) fn restored(
        id: &str,
        record: SystemRecord,
        agreement: Agreement,
        rows_max: usize,
        round: u64,
    ) -> Self {
        let width = record.metrics.len();
        Self {
            id: id.into(),
            system_type: record.system_type,
            watched_by: 0,
            silence_check: record.silence_check,
            ring: Ring::restored(rows_max, width, record.begin, record.rows()),
            heartbeat: record.heartbeat,
            agreement,
            absence: record.absence,
            starts_until: record.starts_until,
            presence: record.presence,
            newest: record.newest,
            places: Vec::new(),
            tracks: Vec::new(),
            texts: record.texts,
            relabelled: true,
            labels: Vec::new(),
            scratch: vec![f64::NAN; width],
            kept: KeptMark {
                round,
                waiting: false,
                rows: record.chunks.last().map_or(record.begin, ChunkRef::end),
                chunks: record.chunks,
            },
            metrics: record.metrics,
        }
    }

    /// Puts samples back that were written down; chunks come in order.
    pub fn put_back(&mut self, chunk: &Chunk) {
        self.ring.put_back(chunk);
    }

    /// All of them have been put back.
    pub fn complete(&mut self) {
        self.ring.complete();
    }

    /// What is to be written down: the system, and the samples that are new. `number` numbers a chunk.
    pub fn keep(&mut self, round: u64, number: impl FnOnce() -> u64) -> SystemWriting {
        let (begin, end) = (self.ring.begin(), self.ring.end());
        let mark = &mut self.kept;
        let mut first = mark.rows.max(begin);
        let mut gone = Vec::new();
        if first < end {
            // A short chunk grows; one that a late sample has changed is written anew.
            while let Some(last) =
                mark.chunks.pop_if(|last| last.end() > first || u64::from(last.rows) < CHUNK_ROWS)
            {
                first = first.min(last.first);
                gone.push(last.number);
            }
        }
        let stale = mark.chunks.iter().take_while(|chunk| chunk.end() <= begin).count();
        gone.extend(mark.chunks.drain(..stale).map(|chunk| chunk.number));
        first = first.max(begin);
        let chunk = (first < end).then(|| (number(), self.ring.chunk(first, end)));
        if let Some((number, chunk)) = &chunk {
            let rows = chunk.times.len() as u32;
            mark.chunks.push(ChunkRef { number: *number, first: chunk.first, rows });
        }
        (mark.round, mark.waiting, mark.rows) = (round, false, end);
        let record = SystemRecord {
            system_type: self.system_type,
            heartbeat: self.heartbeat.clone(),
            absence: self.absence.clone(),
            starts_until: self.starts_until,
            presence: self.presence.clone(),
            newest: self.newest,
            silence_check: self.silence_check,
            begin,
            metrics: self.metrics.clone(),
            texts: self.texts.clone(),
            chunks: mark.chunks.clone(),
        };
        SystemWriting { record, chunk, gone }
    }

    /// Another agreement holds from now on.
    pub(super) fn agree(&mut self, agreement: Agreement) {
        if agreement != self.agreement {
            self.agreement = agreement;
            let contract = self.contract();
            self.heartbeat.agree(&contract);
        }
    }

    fn contract(&self) -> Contract {
        self.agreement.contract(self.heartbeat.interval_s())
    }

    /// A sign of life: newer than those before it, unless `late`.
    fn hear(&mut self, time: Millis, arrival: Millis, late: bool) {
        let gap_s = arrival.seconds_since(self.heartbeat.last_arrival());
        let backlog = self.newest.is_some_and(|newest| gap_s < BACKLOG_SHARE * time.seconds_since(newest));
        if late || backlog && gap_s > 0.0 {
            // It shows that somebody lives, and nothing of when the next sign is due.
            self.heartbeat.excuse(arrival);
        } else if arrival != self.heartbeat.last_arrival() {
            // Of signs that arrive together, the first one counts.
            let contract = self.contract();
            self.heartbeat.beat(Beat { arrival, sent: Some(time) }, &contract);
        }
    }

    /// The host listens from `now` on, by a clock that may have been set back.
    pub(super) fn listen_from(&mut self, now: Millis) {
        self.heartbeat.listen_from(now);
    }

    /// Notes a goodbye; any newer sample is a return.
    fn note_absence(&mut self, sample: &Sample<'_>, time: Millis, arrival: Millis, terms: Terms) {
        if self.newest.is_none() {
            self.starts_until = arrival.plus_seconds(terms.startup_s);
        }
        if let Some(absence) = Absence::said(sample, terms.goodbye, time) {
            if self.absence.as_ref().is_none_or(|before| absence.since >= before.since) {
                self.absence = Some(absence);
            }
        } else if self.absence.as_ref().is_some_and(|absence| time > absence.since) {
            self.absence = None;
            self.starts_until = arrival.plus_seconds(terms.startup_s);
            // How long it was away says nothing of its heartbeat.
            self.heartbeat.excuse(self.heartbeat.last_arrival());
        }
    }

    /// Counts it as away from now on: nobody expects to hear it before `returns_at`. Its next sample is a return.
    pub fn go_away(&mut self, now: Millis, returns_at: Millis, reason: &str) {
        let since = self.newest.unwrap_or(now);
        self.absence = Some(Absence { since, returns_at, reason: reason.into() });
        self.presence.become_state(now, State::Absent);
    }

    /// When a system that is away begins to be missed.
    pub(super) fn missed_at(&self, overdue_s: f64) -> Option<Millis> {
        self.absence.as_ref().map(|absence| absence.returns_at.plus_seconds(overdue_s))
    }

    /// Until when it is starting.
    pub(super) fn starts_until(&self) -> Millis {
        self.starts_until
    }

    /// The absence that it announced, if it is not back.
    #[must_use]
    pub fn absence(&self) -> Option<&Absence> {
        self.absence.as_ref()
    }

    /// The host could not hear: so much of its silence was not its own.
    pub(super) fn blind(&mut self, since: Millis, until: Millis) {
        self.heartbeat.blind(since, until);
        self.presence.blind(since, until);
    }

    /// Brings in what the plan has more of than this system knows.
    fn follow(&mut self, plan: &Plan) {
        for metric in &plan.metrics[self.places.len()..] {
            let place = self.metrics.iter().position(|known| known == metric);
            self.places.push(place.map_or(ABSENT, |place| place as u16));
        }
        for spec in &plan.tracks[self.tracks.len()..] {
            self.tracks.push(match self.ring.end() - self.ring.begin() {
                0 => Track::new(spec.kind, 0),
                _ => Track::scanned(spec, &self.ring, place(&self.places, spec.metric), self.ring.end()),
            });
        }
    }

    /// Takes a sample in and, if it is to be judged, writes its inputs into `columns` at their ends.
    ///
    /// `time` is the sample's time as the host believes it.
    pub(super) fn take(
        &mut self,
        sample: &Sample<'_>,
        time: Millis,
        arrival: Millis,
        terms: Terms,
        plan: &Plan,
        columns: &mut [Vec<f64>],
    ) -> Fate {
        if self.tracks.len() < plan.tracks.len() || self.places.len() < plan.metrics.len() {
            self.follow(plan);
        }
        let late = self.newest.is_some_and(|newest| time <= newest);
        if late && self.ring.has_time(time) {
            return Fate::Duplicate;
        }
        self.note_absence(sample, time, arrival, terms);
        self.hear(time, arrival, late);
        if self.newest.is_some_and(|newest| newest.0 - time.0 > terms.lateness_ms) {
            return Fate::TooLate;
        }
        if sample.is_bare() {
            self.newest = self.newest.max(Some(time));
            self.gather_heard(time, plan, columns);
            return Fate::Judged;
        }
        if !self.write_row(sample, plan) {
            return Fate::TooManyMetrics;
        }
        self.relabelled |= self.system_type != sample.system_type;
        self.system_type = sample.system_type;
        if late {
            let row = self.ring.insert(time, &self.scratch);
            self.kept.rows = self.kept.rows.min(row);
            self.rebuild(plan, row + 1);
            self.gather(sample, row, plan, columns);
            self.rebuild(plan, self.ring.end());
        } else {
            self.newest = Some(time);
            self.keep_texts(sample);
            if self.ring.push(time, &self.scratch) {
                self.rebuild(plan, self.ring.end());
            } else {
                self.slide(plan);
            }
            self.gather(sample, self.ring.end() - 1, plan, columns);
        }
        Fate::Judged
    }

    /// Writes the inputs of a bare sign of life: that it came, and nothing else is known.
    fn gather_heard(&self, time: Millis, plan: &Plan, columns: &mut [Vec<f64>]) {
        for (binding, column) in plan.bindings.iter().zip(columns) {
            column.push(match binding {
                Binding::Heartbeat(fact) => self.fact_when_heard(*fact),
                Binding::Timestamp => time.seconds(),
                Binding::Latest { .. } | Binding::Track { .. } | Binding::Equals { .. } => f64::NAN,
            });
        }
    }

    /// Writes the inputs of a moment of silence: the heartbeat's facts, and nothing else is known.
    pub(super) fn gather_silence(&self, now: Millis, overdue_s: f64, plan: &Plan, columns: &mut [Vec<f64>]) {
        let mut facts = self.facts(now);
        if let Some(missed_at) = self.missed_at(overdue_s) {
            facts.silence_limit_s = missed_at.seconds_since(self.last_arrival());
        }
        for (binding, column) in plan.bindings.iter().zip(columns) {
            column.push(match binding {
                Binding::Heartbeat(fact) => facts.get(*fact),
                Binding::Timestamp => now.seconds(),
                Binding::Latest { .. } | Binding::Track { .. } | Binding::Equals { .. } => f64::NAN,
            });
        }
    }

    /// Reads a little of everything that the next sample will change or leave behind.
    pub(super) fn touch(&self) -> f64 {
        self.ring.touch() + self.tracks.iter().step_by(2).map(Track::touch).sum::<f64>()
    }

    /// When the last sample arrived.
    #[must_use]
    pub fn last_arrival(&self) -> Millis {
        self.heartbeat.last_arrival()
    }

    /// The usual seconds between signs of life; NaN until learned.
    #[must_use]
    pub fn expected_interval_s(&self) -> f64 {
        // To the millisecond, which is as fine as times are.
        (self.heartbeat.interval_s() * 1e3).round() / 1e3
    }

    /// The seconds of silence from which the system counts as gone; NaN until its interval is learned.
    #[must_use]
    pub fn silence_limit_s(&self) -> f64 {
        let learned_s = self.heartbeat.silence_limit_s();
        // Where no time was agreed on, nobody is in a hurry: the usual one is taken whole.
        match self.agreement.detect_within_s {
            None if !learned_s.is_nan() => learned_s.max(self.contract().detect_within_s()),
            _ => learned_s,
        }
    }

    /// What its heartbeat says at a moment.
    #[must_use]
    pub fn facts(&self, now: Millis) -> Facts {
        let facts = self.heartbeat.facts(now, &self.contract());
        Facts {
            expected_interval_s: self.expected_interval_s(),
            silence_limit_s: self.silence_limit_s(),
            ..facts
        }
    }

    /// What its heartbeat is like, what is agreed, and whether that is kept.
    #[must_use]
    pub fn heartbeat_report(&self) -> (Contract, Report) {
        let contract = self.contract();
        (contract, self.heartbeat.report(&contract))
    }

    /// A fact at the moment of a sign of life.
    fn fact_when_heard(&self, fact: Fact) -> f64 {
        let interval_s = self.expected_interval_s();
        let once_learned = |value: f64| if interval_s.is_nan() { f64::NAN } else { value };
        match fact {
            Fact::SilenceS => 0.0,
            Fact::ExpectedIntervalS => interval_s,
            Fact::SilenceLimitS => self.silence_limit_s(),
            Fact::LatenessS => -interval_s,
            Fact::Suspicion => once_learned(0.0),
            Fact::Alive => once_learned(1.0),
        }
    }

    /// The samples kept, oldest first: when each was taken, and its numbers by metric; NaN: missing.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = (Millis, &[f64])> {
        (self.ring.begin()..self.ring.end()).map(|row| (self.ring.time(row), self.ring.row(row)))
    }

    /// The metric of each number of a sample.
    #[must_use]
    pub fn metrics(&self) -> &[MetricId] {
        &self.metrics
    }

    /// How many samples are kept.
    #[must_use]
    pub fn samples_kept(&self) -> usize {
        (self.ring.end() - self.ring.begin()) as usize
    }

    /// The known numbers of the newest sample.
    pub fn latest_values(&self) -> impl Iterator<Item = (MetricId, f64)> {
        let row = self.ring.end().checked_sub(1).map_or(&[][..], |newest| self.ring.row(newest));
        self.metrics.iter().copied().zip(row.iter().copied()).filter(|(_, value)| !value.is_nan())
    }

    /// Whether its labels may be others than when they were last [taken](Self::take_labels).
    #[must_use]
    #[inline]
    pub fn is_relabelled(&self) -> bool {
        self.relabelled
    }

    /// Its labels: the type, and the texts that systems may have in common. Adds what has changed to `changes`.
    pub fn take_labels(
        &mut self,
        system_type: &str,
        labels: &[(MetricId, Box<str>)],
        changes: &mut Vec<LabelChange>,
    ) {
        self.relabelled = false;
        let mut now: Vec<(Box<str>, Box<str>)> = vec![("system_type".into(), system_type.into())];
        for (metric, label) in labels {
            let text = self.texts.iter().find(|(known, _)| known == metric).map_or("", |(_, text)| text);
            now.extend(crate::vanished::split(text).map(|value| (label.clone(), value.into())));
        }
        let before = std::mem::replace(&mut self.labels, now);
        let change = |(label, value): &(Box<str>, Box<str>), by| LabelChange {
            label: label.clone(),
            value: value.clone(),
            by,
        };
        let (gone, new) = (
            before.iter().filter(|label| !self.labels.contains(label)).map(|label| change(label, -1)),
            self.labels.iter().filter(|label| !before.contains(label)).map(|label| change(label, 1)),
        );
        changes.extend(gone.chain(new));
    }

    /// The texts as last sent.
    pub fn latest_texts(&self) -> impl Iterator<Item = (MetricId, &str)> {
        self.texts.iter().map(|(metric, text)| (*metric, &**text))
    }

    /// Bytes that this system takes, the struct included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.id.len()
            + self.ring.bytes()
            + self.metrics.capacity() * size_of::<MetricId>()
            + self.places.capacity() * size_of::<u16>()
            + self.tracks.capacity() * size_of::<Track>()
            + self.tracks.iter().map(Track::bytes).sum::<usize>()
            + self.texts.iter().map(|(_, text)| size_of::<(MetricId, Box<str>)>() + text.len()).sum::<usize>()
            + self.labels.iter().map(|(label, value)| 32 + label.len() + value.len()).sum::<usize>()
            + self.scratch.capacity() * size_of::<f64>()
            + self.kept.chunks.capacity() * size_of::<ChunkRef>()
    }

    /// Puts the sample's numbers in their places. False: it has too many metrics.
    fn write_row(&mut self, sample: &Sample<'_>, plan: &Plan) -> bool {
        self.scratch.fill(f64::NAN);
        for (step, &(metric, value)) in sample.values().iter().enumerate() {
            // Samples of a system list their metrics in the same order, as a rule.
            let place = match self.metrics.get(step) {
                Some(&expected) if expected == metric => step,
                _ => match self.metrics.iter().position(|&known| known == metric) {
                    Some(place) => place,
                    None if self.metrics.len() == METRICS_PER_SYSTEM_MAX => return false,
                    None => self.add_metric(metric, plan),
                },
            };
            self.scratch[place] = value;
        }
        true
    }

    fn add_metric(&mut self, metric: MetricId, plan: &Plan) -> usize {
        let place = self.metrics.len();
        self.metrics.push(metric);
        self.scratch.push(f64::NAN);
        self.ring.widen(self.metrics.len());
        for (planned, known) in plan.metrics.iter().zip(&mut self.places) {
            if *planned == metric {
                *known = place as u16;
            }
        }
        place
    }

    fn keep_texts(&mut self, sample: &Sample<'_>) {
        for (metric, text) in sample.texts() {
            let full = self.texts.len() == METRICS_PER_SYSTEM_MAX;
            match self.texts.iter_mut().find(|(known, _)| *known == metric) {
                Some((_, kept)) if **kept == *text => {}
                Some((_, kept)) => {
                    *kept = text.into();
                    self.relabelled = true;
                }
                None if full => {}
                None => {
                    self.texts.push((metric, text.into()));
                    self.relabelled = true;
                }
            }
        }
    }

    #[inline]
    fn slide(&mut self, plan: &Plan) {
        for (spec, track) in plan.tracks.iter().zip(&mut self.tracks) {
            track.slide(spec, &self.ring, place(&self.places, spec.metric), self.ring.end());
        }
    }

    /// Computes every window anew, as of the row before `end`.
    fn rebuild(&mut self, plan: &Plan, end: u64) {
        for (spec, track) in plan.tracks.iter().zip(&mut self.tracks) {
            *track = Track::scanned(spec, &self.ring, place(&self.places, spec.metric), end);
        }
    }

    #[inline]
    fn gather(&self, sample: &Sample<'_>, row: u64, plan: &Plan, columns: &mut [Vec<f64>]) {
        let values = self.ring.row(row);
        for (binding, column) in plan.bindings.iter().zip(columns) {
            column.push(match binding {
                Binding::Latest { metric } => {
                    place(&self.places, *metric).map_or(f64::NAN, |place| values[place])
                }
                Binding::Track { track, aggregate } => {
                    let place = place(&self.places, plan.tracks[*track].metric);
                    self.tracks[*track].value(*aggregate, &self.ring, place)
                }
                Binding::Equals { metric, literal } => {
                    let text = sample.texts().find(|(known, _)| known == metric);
                    text.map_or(f64::NAN, |(_, text)| f64::from(u8::from(*text == **literal)))
                }
                Binding::Heartbeat(fact) => self.fact_when_heard(*fact),
                Binding::Timestamp => self.ring.time(row).seconds(),
            });
        }
    }
}

#[inline]
fn place(places: &[u16], metric: usize) -> Option<usize> {
    match places[metric] {
        ABSENT => None,
        place => Some(usize::from(place)),
    }
}
