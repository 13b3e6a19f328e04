//! The gate: one rule's eye on one system. Matches within the window open a detection; samples that show that it is over
//! resolve it; a trouble that comes back soon reopens it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::time::Millis;

/// Rows that the share of matches is of.
const RECENT_ROWS: u32 = 10;

/// When a rule opens, resolves and reopens.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    /// Matches within the window that open a detection.
    pub min_occurrences: u32,
    /// The rule's window.
    pub window_s: f64,
    /// How soon after its resolution a trouble is still the same.
    pub reopen_within_s: f64,
}

impl Gate {
    /// The window for a system that reports at this interval: never shorter than `min_occurrences + 1` intervals, or a
    /// system that reports once a minute could never match twice within thirty seconds.
    #[must_use]
    pub fn window_for(&self, interval_s: f64) -> f64 {
        let intervals = f64::from(self.min_occurrences + 1) * interval_s;
        if intervals > self.window_s { intervals } else { self.window_s }
    }
}

/// What a row changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// A new trouble.
    Open,
    /// A trouble goes on.
    Continue,
    /// A trouble that was over is back.
    Reopen,
    /// A trouble is over.
    Resolve,
}

/// One rule's eye on one system.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Watch {
    /// The last matches, at most `min_occurrences`, oldest first.
    matches: VecDeque<Millis>,
    /// The last rows, newest in the lowest bit: 1 where it matched.
    recent: u16,
    rows: u32,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    #[default]
    Counting,
    Open,
    Resolved {
        at: Millis,
    },
}

impl Watch {
    /// An eye on a system of which `rows_before` rows were clear or unknown.
    #[must_use]
    pub fn new(rows_before: u32) -> Self {
        Self { rows: rows_before.min(RECENT_ROWS), ..Self::default() }
    }

    /// A row matched.
    pub fn matched(&mut self, time: Millis, gate: &Gate, interval_s: f64) -> Option<Transition> {
        self.count(true);
        let window_s = gate.window_for(interval_s);
        if self.matches.len() == gate.min_occurrences as usize {
            self.matches.pop_front();
        }
        self.matches.push_back(time);
        while self.matches.front().is_some_and(|&oldest| time.seconds_since(oldest) > window_s) {
            self.matches.pop_front();
        }
        let enough = self.matches.len() >= gate.min_occurrences as usize;
        let transition = match self.phase {
            Phase::Open => return Some(Transition::Continue),
            _ if !enough => return None,
            Phase::Resolved { at } if time.seconds_since(at) <= gate.reopen_within_s => Transition::Reopen,
            Phase::Resolved { .. } | Phase::Counting => Transition::Open,
        };
        self.phase = Phase::Open;
        Some(transition)
    }

    /// A sample is known not to match. Resolves once no match lies within the window.
    pub fn clear(&mut self, time: Millis, gate: &Gate, interval_s: f64) -> Option<Transition> {
        self.count(false);
        let quiet =
            self.matches.back().is_none_or(|&last| time.seconds_since(last) > gate.window_for(interval_s));
        if self.phase == Phase::Open && quiet {
            self.phase = Phase::Resolved { at: time };
            self.matches.clear();
            return Some(Transition::Resolve);
        }
        None
    }

    /// A row could not be judged: no good news, no bad.
    pub fn unknown(&mut self) {
        self.count(false);
    }

    /// The share of the last ten rows that matched, of those there are.
    #[must_use]
    pub fn matched_share(&self) -> f64 {
        f64::from(self.recent.count_ones()) / f64::from(self.rows.max(1))
    }

    /// Whether nothing would be lost if the eye were closed.
    #[must_use]
    pub fn is_idle(&self, time: Millis, gate: &Gate, interval_s: f64) -> bool {
        let stale = |at: Millis, s: f64| time.seconds_since(at) > s;
        let over = match self.phase {
            Phase::Open => false,
            Phase::Counting => true,
            Phase::Resolved { at } => stale(at, gate.reopen_within_s),
        };
        over && self.recent == 0
            && self.matches.back().is_none_or(|&last| stale(last, gate.window_for(interval_s)))
    }

    fn count(&mut self, matched: bool) {
        self.recent = (self.recent << 1 | u16::from(matched)) & ((1 << RECENT_ROWS) - 1);
        self.rows = (self.rows + 1).min(RECENT_ROWS);
    }
}
