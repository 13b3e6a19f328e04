//! Accumulators of trailing windows. Rows enter at one end and leave at the other, so a row costs the same whatever the
//! window's length; sums are rebuilt from the rows now and then, so that rounding does not add up.

use std::collections::VecDeque;

use super::input::{Aggregate, Extent};
use super::ring::Ring;
use crate::time::Millis;

/// A value that leaves a sum this many times its size takes the sum's precision along.
const PRECISION_LOST: f64 = (1_u64 << 30) as f64;
/// A sum is rebuilt at the earliest after so many departures.
const DEPARTURES_MIN: u32 = 64;

/// What a window is and which accumulator it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TrackSpec {
    /// The metric's place in the plan.
    pub(super) metric: usize,
    pub(super) span: Extent,
    pub(super) offset: Extent,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sum,
    Moments,
    Min,
    Max,
}

/// A window of one system: the rows `begin..end` and what is known of their values.
#[derive(Debug)]
pub(super) struct Track {
    begin: u64,
    end: u64,
    departures: u32,
    /// Departures since the last rebuild at which the first one is due, so that not every system rebuilds at once.
    stagger: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    Sum {
        count: u32,
        sum: f64,
    },
    /// Mean and sum of squared deviations (Welford 1962, with removal).
    Moments {
        count: u32,
        mean: f64,
        squares: f64,
    },
    /// Rows whose value no later one beats, best first.
    Least {
        rows: VecDeque<u64>,
    },
    Greatest {
        rows: VecDeque<u64>,
    },
}

impl State {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Sum => Self::Sum { count: 0, sum: 0.0 },
            Kind::Moments => Self::Moments { count: 0, mean: 0.0, squares: 0.0 },
            Kind::Min => Self::Least { rows: VecDeque::new() },
            Kind::Max => Self::Greatest { rows: VecDeque::new() },
        }
    }
}

impl Track {
    pub(super) fn new(kind: Kind, stagger: u32) -> Self {
        Self { begin: 0, end: 0, departures: 0, stagger, state: State::new(kind) }
    }

    /// The window as of the row before `end`, computed from the rows.
    pub(super) fn scanned(spec: &TrackSpec, ring: &Ring, slot: Option<usize>, end: u64) -> Self {
        let mut track = Self::new(spec.kind, 0);
        track.begin = ring.begin();
        track.end = ring.begin();
        track.slide(spec, ring, slot, end);
        track
    }

    /// Moves the window on, so that it is as of the row before `end`. `slot` is the metric's place in a row.
    #[inline]
    pub(super) fn slide(&mut self, spec: &TrackSpec, ring: &Ring, slot: Option<usize>, end: u64) {
        let (begin, end) = self.bounds(spec, ring, end);
        let Some(slot) = slot else {
            (self.begin, self.end) = (begin, end);
            return;
        };
        for row in self.begin..begin.min(self.end) {
            self.leave(row, ring.row(row)[slot]);
        }
        for row in self.end.max(begin)..end {
            self.enter(row, ring, slot);
        }
        (self.begin, self.end) = (begin, end);
        self.rebuild_if_due(ring, slot);
    }

    /// The rows of the window as of the row before `end`; neither bound ever moves back.
    #[inline]
    fn bounds(&self, spec: &TrackSpec, ring: &Ring, end: u64) -> (u64, u64) {
        let now = ring.time(end - 1);
        let window_end = match spec.offset {
            Extent::Samples(samples) => end.saturating_sub(u64::from(samples)),
            Extent::Millis(0) => end,
            Extent::Millis(offset) => {
                first_after(ring, self.end.max(ring.begin()), end, now.0 - offset as i64)
            }
        };
        let window_end = window_end.max(self.end);
        let begin = match spec.span {
            Extent::Samples(samples) => window_end.saturating_sub(u64::from(samples)),
            Extent::Millis(span) => {
                let last = match spec.offset {
                    Extent::Millis(offset) => Some(Millis(now.0 - offset as i64)),
                    Extent::Samples(_) if window_end > ring.begin() => Some(ring.time(window_end - 1)),
                    Extent::Samples(_) => None,
                };
                last.map_or(self.begin, |last| {
                    first_after(ring, self.begin.max(ring.begin()), window_end, last.0 - span as i64)
                })
            }
        };
        (begin.max(ring.begin()).max(self.begin), window_end.max(ring.begin()))
    }

    #[inline]
    fn enter(&mut self, row: u64, ring: &Ring, slot: usize) {
        let value = ring.row(row)[slot];
        if value.is_nan() {
            return;
        }
        match &mut self.state {
            State::Sum { count, sum } => {
                *count += 1;
                *sum += value;
            }
            State::Moments { count, mean, squares } => {
                *count += 1;
                let deviation = value - *mean;
                *mean += deviation / f64::from(*count);
                *squares += deviation * (value - *mean);
            }
            State::Least { rows } => {
                while rows.back().is_some_and(|&beaten| ring.row(beaten)[slot] >= value) {
                    rows.pop_back();
                }
                rows.push_back(row);
            }
            State::Greatest { rows } => {
                while rows.back().is_some_and(|&beaten| ring.row(beaten)[slot] <= value) {
                    rows.pop_back();
                }
                rows.push_back(row);
            }
        }
    }

    #[inline]
    fn leave(&mut self, row: u64, value: f64) {
        if value.is_nan() {
            return;
        }
        self.departures += 1;
        match &mut self.state {
            State::Sum { count, sum } => {
                *count -= 1;
                *sum -= value;
                if value.abs() > PRECISION_LOST * sum.abs() {
                    self.departures = u32::MAX / 2;
                }
            }
            State::Moments { count, mean, squares } => {
                *count -= 1;
                if *count == 0 {
                    (*mean, *squares) = (0.0, 0.0);
                    return;
                }
                let deviation = value - *mean;
                *mean -= deviation / f64::from(*count);
                let removed = deviation * (value - *mean);
                *squares = (*squares - removed).max(0.0);
                if removed > PRECISION_LOST * *squares {
                    self.departures = u32::MAX / 2;
                }
            }
            State::Least { rows } | State::Greatest { rows } => {
                if rows.front() == Some(&row) {
                    rows.pop_front();
                }
            }
        }
    }

    #[inline]
    fn rebuild_if_due(&mut self, ring: &Ring, slot: usize) {
        let due = ((self.end - self.begin) as u32).max(DEPARTURES_MIN).saturating_add(self.stagger);
        if self.departures < due || matches!(self.state, State::Least { .. } | State::Greatest { .. }) {
            return;
        }
        self.departures = 0;
        self.stagger = 0;
        self.state = match self.state {
            State::Moments { .. } => State::new(Kind::Moments),
            _ => State::new(Kind::Sum),
        };
        for row in self.begin..self.end {
            self.enter(row, ring, slot);
        }
    }

    /// The aggregate of the values in the window; NaN while there is none, save for a count.
    #[inline]
    pub(super) fn value(&self, aggregate: Aggregate, ring: &Ring, slot: Option<usize>) -> f64 {
        let known = |count: u32, value: f64| if count == 0 { f64::NAN } else { value };
        match (&self.state, aggregate) {
            (State::Sum { count, .. }, Aggregate::Count) => f64::from(*count),
            (State::Sum { count, sum }, Aggregate::Sum) => known(*count, *sum),
            (State::Sum { count, sum }, _) => known(*count, *sum / f64::from(*count)),
            (State::Moments { count, squares, .. }, _) => {
                known(*count, (*squares / f64::from(*count)).sqrt())
            }
            (State::Least { rows } | State::Greatest { rows }, _) => match (rows.front(), slot) {
                (Some(&row), Some(slot)) => ring.row(row)[slot],
                _ => f64::NAN,
            },
        }
    }

    /// Reads a little of it, to have it near.
    pub(super) fn touch(&self) -> f64 {
        self.end as f64
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        match &self.state {
            State::Least { rows } | State::Greatest { rows } => rows.capacity() * size_of::<u64>(),
            _ => 0,
        }
    }
}

/// The first of the rows `from..to` that is later than `limit_ms`; `to` if none is. Rows are in order of time.
#[inline]
fn first_after(ring: &Ring, from: u64, to: u64, limit_ms: i64) -> u64 {
    let mut row = from;
    while row < to && ring.time(row).0 <= limit_ms {
        row += 1;
    }
    row
}
