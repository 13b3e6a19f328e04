//! Models of senders and networks.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use thiserror::Error;

const DAY_S: f64 = 86_400.0;
/// Seconds between changes of a regime.
const REGIME_S: f64 = 6.0 * 3600.0;

/// How heartbeats are sent, delayed and lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// Delay 100 ± 40 ms, normal; 0.1 % lost.
    Normal,
    /// Delay lognormal around 100 ms (σ 0.6), 1 % lost.
    Lognormal,
    /// The same delay; Gilbert–Elliott: one bad spell in 10,000 beats, of 60 beats in the mean and 1,000 at most, in which
    /// 80 % are lost; 0.1 % otherwise.
    Bursts,
    /// Delay, jitter and loss follow the hour: 60 ± 8 ms and 0.1 % at night, 250 ± 100 ms and 1 % at noon.
    Diurnal,
    /// Every six hours another network: delay 30 to 400 ms, jitter 5 to 150 ms, loss 0 to 2 %.
    Regimes,
    /// Every six hours another interval, from 0.5 s to 3 s, and jitter of 5 % of it.
    Intervals,
    /// As measured between Switzerland and Japan for a week (Hayashibara et al., "The φ Accrual Failure Detector", 2004):
    /// a beat each 103.5 ms, 0.4 % lost in about 800 bursts of up to 1,093 beats, delay 142 ± 7 ms.
    WideArea,
    /// A sender that sleeps for a second after each beat: 1 s + 0 to 60 ms of work; lognormal delay, 0.5 % lost.
    Sleeper,
}

impl Model {
    /// Every model.
    pub const ALL: [Self; 8] = [
        Self::Normal,
        Self::Lognormal,
        Self::Bursts,
        Self::Diurnal,
        Self::Regimes,
        Self::Intervals,
        Self::WideArea,
        Self::Sleeper,
    ];

    /// Its name, for files and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Lognormal => "lognormal",
            Self::Bursts => "bursts",
            Self::Diurnal => "diurnal",
            Self::Regimes => "regimes",
            Self::Intervals => "intervals",
            Self::WideArea => "wide-area",
            Self::Sleeper => "sleeper",
        }
    }

    /// Whether beats at any time are as at any other, on a grid: what NFD-E was made for.
    #[must_use]
    pub fn is_stationary(self) -> bool {
        matches!(self, Self::Normal | Self::Lognormal | Self::Bursts | Self::WideArea)
    }

    /// The interval that the sender was configured with, in seconds.
    #[must_use]
    pub fn interval_s(self) -> f64 {
        if self == Self::WideArea { 0.1035 } else { 1.0 }
    }
}

/// A name that no model has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "model is \"{0}\", expected normal, lognormal, bursts, diurnal, regimes, intervals, wide-area or sleeper"
)]
pub struct UnknownModel(String);

impl std::str::FromStr for Model {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<Self, UnknownModel> {
        Self::ALL.into_iter().find(|model| model.name() == name).ok_or_else(|| UnknownModel(name.to_owned()))
    }
}

/// One sender and its network.
pub(super) struct Source {
    model: Model,
    time_s: f64,
    /// Beats of a bad spell that are left.
    bad_beats: u32,
    regime: Regime,
    regime_ends_s: f64,
}

#[derive(Clone, Copy)]
struct Regime {
    interval_s: f64,
    delay_s: f64,
    jitter_s: f64,
    loss: f64,
}

/// What became of a beat: when it was sent, and its delay unless it was lost.
pub(super) struct Sending {
    pub(super) sent_s: f64,
    pub(super) delay_s: Option<f64>,
}

impl Source {
    pub(super) fn new(model: Model) -> Self {
        let regime = Regime { interval_s: model.interval_s(), delay_s: 0.1, jitter_s: 0.02, loss: 0.005 };
        Self { model, time_s: 0.0, bad_beats: 0, regime, regime_ends_s: REGIME_S }
    }

    /// The next beat.
    pub(super) fn send(&mut self, random: &mut ChaCha8Rng) -> Sending {
        if self.time_s >= self.regime_ends_s {
            self.change(random);
        }
        let sent_s = self.time_s;
        let (delay_s, loss) = match self.model {
            Model::Normal => (normal(0.1, 0.04, random), 0.001),
            Model::Lognormal => (lognormal(0.1, 0.6, random), 0.01),
            Model::Bursts => {
                let loss = self.spell(1e-4, random, |random| geometric(60.0, random).min(1000));
                (lognormal(0.1, 0.6, random), if loss { 0.8 } else { 0.001 })
            }
            Model::Diurnal => {
                let noon = 0.5 - 0.5 * (std::f64::consts::TAU * self.time_s / DAY_S).cos();
                let jitter = 0.008 + 0.092 * noon * noon;
                (normal(0.06 + 0.19 * noon, jitter, random), 0.001 + 0.009 * noon)
            }
            Model::Regimes | Model::Intervals => {
                let Regime { delay_s, jitter_s, loss, .. } = self.regime;
                (normal(delay_s, jitter_s, random), loss)
            }
            Model::WideArea => {
                let lost = self.spell(1.4e-4, random, wide_area_burst);
                (0.13 + lognormal(0.01, 0.55, random), if lost { 1.0 } else { 0.0 })
            }
            Model::Sleeper => (lognormal(0.05, 0.5, random), 0.005),
        };
        let work_s = if self.model == Model::Sleeper { random.gen_range(0.0..0.06) } else { 0.0 };
        self.time_s += self.regime.interval_s + work_s;
        let lost = random.gen_bool(loss);
        Sending { sent_s, delay_s: (!lost).then_some(delay_s) }
    }

    /// Whether this beat is in a bad spell; one begins with this probability.
    fn spell(
        &mut self,
        begins: f64,
        random: &mut ChaCha8Rng,
        beats: impl Fn(&mut ChaCha8Rng) -> u32,
    ) -> bool {
        if self.bad_beats == 0 && random.gen_bool(begins) {
            self.bad_beats = beats(random);
        }
        let bad = self.bad_beats > 0;
        self.bad_beats = self.bad_beats.saturating_sub(1);
        bad
    }

    fn change(&mut self, random: &mut ChaCha8Rng) {
        self.regime_ends_s += REGIME_S;
        match self.model {
            Model::Regimes => {
                self.regime.delay_s = log_uniform(0.03, 0.4, random);
                self.regime.jitter_s = log_uniform(0.005, 0.15, random);
                self.regime.loss = random.gen_range(0.0..0.02);
            }
            Model::Intervals => {
                self.regime.interval_s = log_uniform(0.5, 3.0, random);
                self.regime.jitter_s = 0.05 * self.regime.interval_s;
            }
            _ => {}
        }
    }
}

/// A delay is never less than a millisecond.
fn normal(mean_s: f64, deviation_s: f64, random: &mut ChaCha8Rng) -> f64 {
    let normal: f64 = StandardNormal.sample(random);
    (mean_s + deviation_s * normal).max(0.001)
}

pub(super) fn lognormal(median_s: f64, sigma: f64, random: &mut ChaCha8Rng) -> f64 {
    let normal: f64 = StandardNormal.sample(random);
    median_s * (sigma * normal).exp()
}

fn log_uniform(least: f64, most: f64, random: &mut ChaCha8Rng) -> f64 {
    least * (most / least).powf(random.gen_range(0.0..1.0))
}

fn geometric(mean: f64, random: &mut ChaCha8Rng) -> u32 {
    let uniform: f64 = random.gen_range(f64::EPSILON..1.0);
    (1.0 + uniform.ln() / (1.0 - 1.0 / mean).ln()) as u32
}

/// Most bursts are short, few are long; the mean is 29 beats, the longest 1,093.
fn wide_area_burst(random: &mut ChaCha8Rng) -> u32 {
    let uniform: f64 = random.gen_range(1e-9..1.0);
    (uniform.powf(-1.0 / 0.66) as u32).clamp(1, 1093)
}
