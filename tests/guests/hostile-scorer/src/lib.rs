//! A scorer that misbehaves as its settings say.
#![allow(clippy::panic, reason = "it is what it is for")]

use lapwing_sdk::input::{Declared, latest};
use lapwing_sdk::scorer::Scorer;
use serde::Deserialize;

/// How to misbehave.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// Not at all: every row is usual.
    #[default]
    Behave,
    /// Score every row NaN.
    Nan,
    /// Score rows 2, -1 and infinity.
    OutOfRange,
    /// Score fewer rows than there are.
    TooFew,
    /// Panic on every batch.
    PanicInScore,
    /// Make a model that nobody keeps.
    HugeModel,
    /// Never finish learning.
    LoopInTrain,
}

/// The settings.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    behaviour: Behaviour,
}

/// The scorer.
pub struct Hostile(Behaviour);

impl Scorer for Hostile {
    type Settings = Settings;
    type Model = ();

    fn configure(settings: Settings) -> Result<Self, String> {
        Ok(Self(settings.behaviour))
    }

    fn describe(&self) -> (&'static str, &'static str) {
        ("Hostile scorer", "Misbehaves")
    }

    fn inputs(&self) -> Vec<Declared> {
        vec![latest("response_time_ms")]
    }

    fn train(&self, _columns: &[Vec<f64>], _rows: usize) -> Result<(), String> {
        if matches!(self.0, Behaviour::LoopInTrain) {
            let mut spins = 0_u64;
            while std::hint::black_box(spins) < u64::MAX {
                spins += 1;
            }
        }
        Ok(())
    }

    fn save(&self, (): &()) -> Vec<u8> {
        let bytes = if matches!(self.0, Behaviour::HugeModel) { 100 << 20 } else { 1 };
        vec![0; bytes]
    }

    fn restore(&self, _bytes: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn score(&self, (): &(), _columns: &[Vec<f64>], rows: usize) -> Vec<f64> {
        match self.0 {
            Behaviour::Nan => vec![f64::NAN; rows],
            Behaviour::OutOfRange => [2.0, -1.0, f64::INFINITY].into_iter().cycle().take(rows).collect(),
            Behaviour::TooFew => vec![0.0; rows / 2],
            Behaviour::PanicInScore => panic!("I do not want to score"),
            _ => vec![0.0; rows],
        }
    }
}

lapwing_sdk::export_scorer!(Hostile);
