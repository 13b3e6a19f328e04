//! Write Lapwing rules, scorers and actions in Rust.
//!
//! A rule is a struct, the inputs that it reads, and a function over one row: see [`Rule`] for one of twenty lines, and
//! [`BatchRule`] for the same over a batch. A scorer is a [`Scorer`], an action an [`Action`](action::Action). All are
//! plain Rust that a native unit test can call; [`export_rule!`], [`export_scorer!`] and [`export_action!`] make a component
//! of them when the target is WebAssembly.
//!
//! Missing values are never zeros: a condition on one is [`Unknown`](Outcome::Unknown), and `&` and `|` carry that on.

pub mod action;
pub mod features;
pub mod input;
pub mod judgement;
mod panics;
pub mod rule;
pub mod scorer;
pub mod testing;

#[doc(hidden)]
pub mod bindings;

pub use judgement::{Judgement, Match, Outcome, Reading};
pub use rule::{BatchRule, Description, DetectionType, Inputs, Rule, Severity};
pub use scorer::{Scorer, calibrate};

/// What a plugin usually needs. A [`BatchRule`] is imported by itself: its functions share names with those of
/// [`Rule`].
pub mod prelude {
    pub use serde::Deserialize;

    pub use crate::input::{
        alive, count, equals, expected_interval_s, lateness_s, latest, max, mean, min, parameter,
        silence_limit_s, silence_s, std, sum, suspicion, timestamp,
    };
    pub use crate::{
        Description, DetectionType, Inputs as _, Judgement, Match, Outcome, Reading, Rule, Scorer, Severity,
        calibrate,
    };
}
