//! The detectors of the literature. Each trusts, after a beat, until a moment that its parameter moves along a line; all
//! times in ms.

use std::collections::VecDeque;

/// Beats that estimates are made over, as in the papers.
const WINDOW: usize = 1000;

/// Until when a detector trusts: `base_ms` after the arrival and its parameter times `scale_ms` more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) base_ms: f32,
    pub(super) scale_ms: f32,
}

impl Line {
    fn new(base_ms: f64, scale_ms: f64) -> Self {
        Self { base_ms: base_ms as f32, scale_ms: scale_ms as f32 }
    }
}

/// A sum over the last [`WINDOW`] values.
#[derive(Debug, Default)]
struct Window {
    values: VecDeque<f64>,
    sum: f64,
    squares: f64,
}

impl Window {
    fn push(&mut self, value: f64) {
        if self.values.len() == WINDOW
            && let Some(oldest) = self.values.pop_front()
        {
            self.sum -= oldest;
            self.squares -= oldest * oldest;
        }
        self.values.push_back(value);
        self.sum += value;
        self.squares += value * value;
    }

    fn mean(&self) -> f64 {
        self.sum / self.values.len().max(1) as f64
    }

    fn deviation(&self) -> f64 {
        let mean = self.mean();
        (self.squares / self.values.len().max(1) as f64 - mean * mean).max(0.0).sqrt()
    }
}

/// A detector of the literature at work on one system.
#[derive(Debug)]
pub(super) enum Baseline {
    /// A time-out, the same for ever.
    Fixed { interval_ms: f64 },
    /// φ-accrual with normal gaps (Hayashibara, Défago, Yared, Katayama, 2004): silence so long that a normal gap exceeds
    /// it with probability 10^−φ, given as that many deviations.
    PhiNormal(Gaps),
    /// φ-accrual with exponential gaps, as in Cassandra: silence of φ · ln 10 mean gaps.
    PhiExponential(Gaps),
    /// Bertier, Marin, Sens, 2002: NFD-E's expectation with a margin as TCP has for retransmission (Jacobson).
    Bertier(Bertier),
    /// NFD-E: the expected arrival and a constant margin.
    Chen(Expected),
}

impl Baseline {
    #[inline]
    pub(super) fn beat(&mut self, number: u32, arrival_ms: i64) -> Line {
        let at_ms = arrival_ms as f64;
        match self {
            Self::Fixed { interval_ms } => Line::new(*interval_ms, *interval_ms),
            Self::PhiNormal(gaps) => {
                gaps.beat(at_ms);
                Line::new(gaps.window.mean(), gaps.window.deviation())
            }
            Self::PhiExponential(gaps) => {
                gaps.beat(at_ms);
                Line::new(0.0, std::f64::consts::LN_10 * gaps.window.mean())
            }
            Self::Bertier(bertier) => bertier.beat(number, at_ms),
            Self::Chen(expected) => Line::new(expected.beat(number, at_ms) - at_ms, expected.interval_ms),
        }
    }
}

/// The mean and deviation of the last gaps.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    window: Window,
    last_ms: Option<f64>,
}

impl Gaps {
    fn beat(&mut self, arrival_ms: f64) {
        if let Some(last_ms) = self.last_ms.replace(arrival_ms) {
            self.window.push(arrival_ms - last_ms);
        }
    }
}

/// The expected arrival of the next beat: the mean of the last normalised arrivals (Chen, Toueg, Aguilera, 2002, NFD-E).
#[derive(Debug)]
pub(super) struct Expected {
    interval_ms: f64,
    normalised_ms: Window,
}

impl Expected {
    pub(super) fn new(interval_ms: f64) -> Self {
        Self { interval_ms, normalised_ms: Window::default() }
    }

    fn beat(&mut self, number: u32, arrival_ms: f64) -> f64 {
        self.normalised_ms.push(arrival_ms - self.interval_ms * f64::from(number));
        self.normalised_ms.mean() + self.interval_ms * (f64::from(number) + 1.0)
    }
}

/// NFD-E's expectation, with the mean and the spread of its error.
#[derive(Debug)]
pub(super) struct Bertier {
    expected: Expected,
    next_ms: Option<(u32, f64)>,
    delay_ms: f64,
    spread_ms: f64,
}

impl Bertier {
    const GAIN: f64 = 0.1;

    pub(super) fn new(interval_ms: f64) -> Self {
        Self { expected: Expected::new(interval_ms), next_ms: None, delay_ms: 0.0, spread_ms: 0.0 }
    }

    /// The parameter says how often the spread is added; 4 in the paper.
    fn beat(&mut self, number: u32, arrival_ms: f64) -> Line {
        if let Some((next, expected_ms)) = self.next_ms {
            let expected_ms = expected_ms + f64::from(number - next) * self.expected.interval_ms;
            let error_ms = arrival_ms - expected_ms - self.delay_ms;
            self.delay_ms += Self::GAIN * error_ms;
            self.spread_ms += Self::GAIN * (error_ms.abs() - self.spread_ms);
        }
        let expected_ms = self.expected.beat(number, arrival_ms);
        self.next_ms = Some((number + 1, expected_ms));
        Line::new(expected_ms + self.delay_ms - arrival_ms, self.spread_ms)
    }
}
