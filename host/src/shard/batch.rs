//! Rows that are judged together: their inputs by column, and whose they are.

use crate::history::{Fate, SilenceClock, SystemIndex, Systems};
use crate::ingest::Sample;
use crate::model::{MetricId, TypeId};
use crate::time::Millis;

use super::fates::Fates;
use super::round::Stamp;

/// Inputs by column, rows in the order in which things happened.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The columns of the plan.
    pub(super) columns: Vec<Vec<f64>>,
    pub(super) rows: Vec<Row>,
    /// The last known values of systems that are silent, for the rows that say so.
    remembered: Vec<(MetricId, f64)>,
    /// The anomaly score of each row; NaN where there is none.
    pub(super) combined: Vec<f64>,
    pub(super) by_scorer: Vec<Vec<f64>>,
}

/// Whose row it is and when it happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) system: SystemIndex,
    pub(super) system_type: TypeId,
    /// By the host's clock.
    pub(super) at: Millis,
    /// The sample's time as the host believes it; `at` for silence.
    pub(super) time: Millis,
    /// The system's usual interval as of this row; 0 while unknown.
    pub(super) interval_s: f64,
    /// Samples of the system before this row, if fewer than the gate looks back.
    pub(super) samples_before: u32,
    pub(super) origin: Origin,
}

/// Where a row comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin {
    /// The sample at this place of the round, judged by models of this generation.
    Sample { row: u32, generation: u32 },
    /// A moment of silence; what was last known lies here among the remembered values.
    Silence { begin: u32, end: u32 },
}

impl Batch {
    pub(super) fn new(width: usize, scorers: usize) -> Self {
        Self { columns: vec![Vec::new(); width], by_scorer: vec![Vec::new(); scorers], ..Self::default() }
    }

    /// Makes room for further columns and scorers.
    pub(super) fn widen(&mut self, width: usize, scorers: usize) {
        self.columns.resize(width, Vec::new());
        self.by_scorer.resize(scorers, Vec::new());
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn clear(&mut self) {
        self.columns.iter_mut().for_each(Vec::clear);
        self.rows.clear();
        self.remembered.clear();
    }

    /// Every row without a score.
    pub(super) fn reset_scores(&mut self) {
        let rows = self.rows.len();
        for scores in self.by_scorer.iter_mut().chain([&mut self.combined]) {
            scores.clear();
            scores.resize(rows, f64::NAN);
        }
    }

    /// Takes a sample in; it becomes a row if it is to be judged. Says whose it is, and whether it does; `None`: there is
    /// no room for its system.
    pub(super) fn take(
        &mut self,
        sample: &Sample<'_>,
        row: u32,
        stamp: &Stamp,
        systems: &mut Systems,
        silence: &mut SilenceClock,
        fates: &mut Fates,
    ) -> Option<(SystemIndex, bool)> {
        let Ok((index, fate)) = systems.take(sample, stamp.time, stamp.arrival, &mut self.columns) else {
            fates.too_many_systems += 1;
            return None;
        };
        silence.heard(index, systems);
        fates.count(fate);
        if fate != Fate::Judged {
            return Some((index, false));
        }
        let system = systems.get(index);
        self.rows.push(Row {
            system: index,
            system_type: system.system_type,
            at: stamp.arrival,
            time: stamp.time,
            interval_s: known(system.expected_interval_s()),
            samples_before: (system.samples_kept() as u32).saturating_sub(1),
            origin: Origin::Sample { row, generation: stamp.generation },
        });
        Some((index, true))
    }

    /// Adds a moment of a system's silence.
    pub(super) fn note_silence(&mut self, index: SystemIndex, at: Millis, systems: &Systems) {
        systems.gather_silence(index, at, &mut self.columns);
        let system = systems.get(index);
        let begin = self.remembered.len() as u32;
        self.remembered.extend(system.latest_values());
        self.rows.push(Row {
            system: index,
            system_type: system.system_type,
            at,
            time: at,
            interval_s: known(system.expected_interval_s()),
            samples_before: system.samples_kept() as u32,
            origin: Origin::Silence { begin, end: self.remembered.len() as u32 },
        });
    }

    /// What was last known when a system was silent.
    pub(super) fn remembered(&self, begin: u32, end: u32) -> &[(MetricId, f64)] {
        &self.remembered[begin as usize..end as usize]
    }
}

fn known(interval_s: f64) -> f64 {
    if interval_s.is_nan() { 0.0 } else { interval_s }
}
