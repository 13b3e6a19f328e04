//! The label that explains best who is gone.

use std::collections::{HashMap, HashSet};

use super::population::Population;

/// Natural logarithm of the odds from which an explanation counts, beside those of having looked at many.
const ODDS_MIN: f64 = 4.0;
/// A system with the label must be so many times as likely to be gone as one without.
const LIFT_MIN: f64 = 3.0;

/// A label and how well it explains who is gone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Explanation {
    pub(super) label: String,
    pub(super) value: String,
    /// How many carry it.
    pub(super) population: u32,
    score: f64,
}

/// The best explanation of those who are gone: each with its id and labels. `systems`: how many there are at all.
pub(super) fn best<'a>(
    gone: impl Iterator<Item = (&'a str, &'a [(String, String)])>,
    population: &Population,
    systems: usize,
    members_min: usize,
) -> Option<Explanation> {
    let mut counts: HashMap<(&str, &str), u32> = HashMap::new();
    let mut ids: HashSet<&str> = HashSet::new();
    let mut total = 0_u32;
    for (id, labels) in gone {
        total += 1;
        ids.insert(id);
        for (label, value) in labels {
            *counts.entry((label, value)).or_default() += 1;
        }
    }
    let systems = (systems as u32).max(total);
    let mut best: Option<Explanation> = None;
    for ((label, value), with) in counts {
        if (with as usize) < members_min {
            continue;
        }
        let carry = population.of(label, value).max(with);
        let Some(odds) = odds(with, carry, total, systems) else { continue };
        // What they depend on and is gone itself is more than something they merely have in common.
        let score = odds + if ids.contains(value) { odds / 4.0 } else { 0.0 };
        let better = best.as_ref().is_none_or(|best| {
            (score, best.population, &*best.label, &*best.value) > (best.score, carry, label, value)
        });
        if better {
            let (label, value) = (label.to_owned(), value.to_owned());
            best = Some(Explanation { label, value, population: carry, score });
        }
    }
    best
}

/// Logarithm of how much likelier it is that those with the label and those without are gone at rates of their own than at
/// one rate for all; `None` if that is not enough.
fn odds(with: u32, carry: u32, total: u32, systems: u32) -> Option<f64> {
    let (with, carry, total, systems) =
        (f64::from(with), f64::from(carry), f64::from(total), f64::from(systems));
    let (others, others_gone) = (systems - carry, total - with);
    if others > 0.0 && with / carry < LIFT_MIN * others_gone / others {
        return None;
    }
    let likelihood = |gone: f64, of: f64| {
        let part = |count: f64| if count > 0.0 { count * (count / of).ln() } else { 0.0 };
        if of > 0.0 { part(gone) + part(of - gone) } else { 0.0 }
    };
    if others <= 0.0 {
        // Everybody carries it: it says something only if nearly all are gone.
        return (with / carry >= 0.9).then_some(ODDS_MIN);
    }
    let odds = likelihood(with, carry) + likelihood(others_gone, others) - likelihood(total, systems);
    (odds >= ODDS_MIN + systems.ln()).then_some(odds)
}
