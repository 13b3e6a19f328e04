//! The detectors that are compared, and the range that each one's parameter is swept over.

use super::baselines::{Baseline, Bertier, Expected, Gaps, Line};
use super::trace::Trace;
use crate::heartbeat::{Beat, Contract, ContractError, Heartbeat};
use crate::time::Millis;

/// The longest time-out that is tried, in intervals.
const LONGEST: f64 = 60.0;
/// A contract's false alarms for each beat, at most and at least.
const ALARMS_PER_BEAT: (f64, f64) = (0.3, 1e-6);
/// No contract is about more.
const ALARMS_PER_WEEK_MAX: f64 = 1e6;
const WEEK_S: f64 = 604_800.0;

/// What a detector's parameter of its own is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// A contract: its false alarms a week, with time in plenty; or its time, with as few false alarms as possible.
    Lapwing,
    /// Seconds of silence.
    Fixed,
    /// Deviations of the gap, which φ is a function of.
    PhiNormal,
    /// φ.
    PhiExponential,
    /// How often the spread is added.
    Bertier,
    /// The margin.
    Chen,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 6] =
        [Self::Lapwing, Self::Chen, Self::Fixed, Self::PhiNormal, Self::PhiExponential, Self::Bertier];

    /// Its name in tables and plots.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lapwing => "Lapwing",
            Self::Fixed => "fixed time-out",
            Self::PhiNormal => "φ normal",
            Self::PhiExponential => "φ exponential",
            Self::Bertier => "Bertier",
            Self::Chen => "NFD-E",
        }
    }

    /// The parameters that it has.
    pub(super) fn sweeps(self) -> &'static [Sweep] {
        match self {
            Self::Lapwing => &[Sweep::Alarms, Sweep::Time],
            Self::Fixed | Self::Chen => &[Sweep::Time],
            Self::PhiNormal | Self::Bertier => &[Sweep::Deviations],
            Self::PhiExponential => &[Sweep::Phi],
        }
    }

    /// What it will do after each beat of a trace, if that does not depend on its parameter.
    pub(super) fn lines(self, trace: &Trace) -> Option<Vec<Line>> {
        let interval_ms = trace.interval_s * 1e3;
        let mut baseline = match self {
            Self::Lapwing => return None,
            Self::Fixed => Baseline::Fixed { interval_ms },
            Self::PhiNormal => Baseline::PhiNormal(Gaps::default()),
            Self::PhiExponential => Baseline::PhiExponential(Gaps::default()),
            Self::Bertier => Baseline::Bertier(Bertier::new(interval_ms)),
            Self::Chen => Baseline::Chen(Expected::new(interval_ms)),
        };
        Some(trace.fresh.iter().map(|beat| baseline.beat(beat.number, beat.arrival_ms)).collect())
    }
}

/// A parameter that is swept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// False alarms a week.
    Alarms,
    /// Intervals beyond the first.
    Time,
    /// Deviations.
    Deviations,
    /// φ.
    Phi,
}

impl Sweep {
    /// Its range at an interval in seconds, from the earliest to the latest detection.
    pub(super) fn range(self, interval_s: f64) -> (f64, f64) {
        match self {
            Self::Alarms => {
                let (most, least) = ALARMS_PER_BEAT;
                ((most * WEEK_S / interval_s).min(ALARMS_PER_WEEK_MAX), least * WEEK_S / interval_s)
            }
            Self::Time => (0.02, LONGEST),
            Self::Deviations => (0.3, 400.0),
            Self::Phi => (0.4, LONGEST / 2.0),
        }
    }

    /// The contract that the parameter is a term of; the other term leaves it free.
    pub(super) fn contract(self, parameter: f64, interval_s: f64) -> Result<Contract, ContractError> {
        match self {
            Self::Alarms => Contract::new((1.0 + LONGEST) * interval_s, parameter),
            _ => Contract::new((1.0 + parameter) * interval_s, 0.0),
        }
    }
}

/// Lapwing's own detector at work on one system.
pub(super) struct Own {
    heartbeat: Option<Heartbeat>,
    contract: Contract,
}

impl Own {
    pub(super) fn new(contract: Contract) -> Self {
        Self { heartbeat: None, contract }
    }

    /// Shows it a beat. Returns until when it trusts, in ms.
    #[inline]
    pub(super) fn beat(&mut self, arrival_ms: i64, sent_ms: i64) -> f64 {
        let beat = Beat { arrival: Millis(arrival_ms), sent: Some(Millis(sent_ms)) };
        match &mut self.heartbeat {
            Some(heartbeat) => heartbeat.beat(beat, &self.contract),
            None => self.heartbeat = Some(Heartbeat::new(beat)),
        }
        let deadline = self.heartbeat.as_ref().and_then(Heartbeat::deadline);
        deadline.map_or(f64::INFINITY, |deadline| deadline.0 as f64)
    }
}
