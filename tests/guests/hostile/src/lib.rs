//! A rule that misbehaves as its settings say.
#![allow(clippy::panic, reason = "it is what it is for")]

use lapwing_sdk::BatchRule;
use lapwing_sdk::input::Declared;
use lapwing_sdk::judgement::Condition;
use lapwing_sdk::prelude::*;
use lapwing_sdk::rule::Verdicts;
use serde::Deserialize;

/// How to misbehave.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// Not at all: a row matches if its value is 1 or more.
    #[default]
    Behave,
    /// Panic in `configure`.
    PanicInConfigure,
    /// Never return from `configure`.
    LoopInConfigure,
    /// Take more than ten seconds in `configure`, then behave.
    SlowInConfigure,
    /// Ask for a window that nobody keeps.
    EndlessWindow,
    /// Panic on the batch that holds a row of value 13.
    PanicOnThirteen,
    /// Panic on every batch.
    PanicAlways,
    /// Never return from `evaluate`.
    Loop,
    /// Allocate without end.
    MemoryBomb,
    /// Recurse without end.
    StackOverflow,
    /// Name rows that do not exist.
    RowsOutOfRange,
    /// Log without end, then behave.
    LogFlood,
    /// Refuse every batch in words.
    Refuse,
    /// Answer with a list that is longer than any batch.
    GiantList,
    /// Refuse every batch in far too many words.
    GiantText,
}

/// The settings.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
pub struct Settings {
    behaviour: Behaviour,
    /// Lines that `log_flood` logs for each batch.
    lines: usize,
    /// The length of each of them.
    line_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { behaviour: Behaviour::Behave, lines: 10_000, line_bytes: 5000 }
    }
}

/// The rule.
pub struct Hostile(Settings);

impl BatchRule for Hostile {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, String> {
        match settings.behaviour {
            Behaviour::PanicInConfigure => panic!("I do not want to be configured"),
            Behaviour::LoopInConfigure => spin(u64::MAX),
            Behaviour::SlowInConfigure => spin(MORE_THAN_TEN_SECONDS),
            _ => {}
        }
        Ok(Self(settings))
    }

    fn describe(&self) -> Description {
        Description {
            name: "Hostile",
            description: "Misbehaves",
            detection_type: DetectionType::ConfigurationDrift,
            severity: Severity::Low,
            window_s: 10,
            min_occurrences: 1,
            actions: &[],
        }
    }

    fn inputs(&self) -> Vec<Declared> {
        match self.0.behaviour {
            Behaviour::EndlessWindow => vec![mean("value").last(1_000_000).into()],
            _ => vec![latest("value")],
        }
    }

    fn evaluate(&self, columns: &[Vec<f64>], rows: usize) -> Result<Verdicts, String> {
        let values = &columns[0];
        match self.0.behaviour {
            Behaviour::PanicOnThirteen if values.contains(&13.0) => panic!("thirteen"),
            Behaviour::PanicAlways => panic!("always"),
            Behaviour::Loop => spin(u64::MAX),
            Behaviour::MemoryBomb => hoard(),
            Behaviour::StackOverflow => {
                recurse(rows as u64);
            }
            Behaviour::RowsOutOfRange => {
                return Ok(Verdicts { matched: vec![rows as u32], unknown: Vec::new() });
            }
            Behaviour::LogFlood => {
                let rest = "x".repeat(self.0.line_bytes);
                (0..self.0.lines).for_each(|line| shout(&format!("line {line} {rest}")));
            }
            Behaviour::Refuse => return Err("I would rather not".to_owned()),
            Behaviour::GiantList => {
                return Ok(Verdicts { matched: (0..GIANT as u32 / 4).collect(), unknown: Vec::new() });
            }
            Behaviour::GiantText => return Err("no ".repeat(GIANT / 3)),
            _ => {}
        }
        Ok(lapwing_sdk::rule::verdicts(rows, |row| Reading::new(0, values[row]).at_least(1.0).outcome()))
    }

    fn conditions(&self, columns: &[Vec<f64>], row: usize) -> Result<Vec<Condition>, String> {
        Ok(vec![Reading::new(0, columns[0][row]).at_least(1.0)])
    }
}

/// Bytes of a giant answer: as much as an instance can hold without being a memory bomb.
const GIANT: usize = 100 << 20;
/// Spins that no machine does within ten seconds.
const MORE_THAN_TEN_SECONDS: u64 = 100_000_000_000;

fn spin(times: u64) {
    let mut spins = 0_u64;
    while std::hint::black_box(spins) < times {
        spins += 1;
    }
}

fn hoard() {
    let mut hoard = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

fn recurse(depth: u64) -> u64 {
    let ballast = std::hint::black_box([depth; 64]);
    if depth == u64::MAX { 0 } else { recurse(depth + 1) + ballast[(depth % 64) as usize] }
}

fn shout(line: &str) {
    use lapwing_sdk::bindings::rule::lapwing::plugin::log;
    log::write(log::Level::Info, line);
}

lapwing_sdk::export_rule!(Hostile);
