//! Readings, conditions, and how conditions combine when some values are missing.
//!
//! Conditions are three-valued (Kleene's strong logic): `met`, `unmet`, or `unknown` when a value that they need is
//! missing. `&` and `|` know that an unmet condition settles an `and`, that a met one settles an `or`, and that anything
//! else unknown leaves the whole unknown.

use std::ops::{BitAnd, BitOr, Div, Mul};

use crate::bindings::rule::exports::lapwing::plugin::rule as wit;

pub use wit::Relation;

/// What a condition, or a whole rule, says of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Outcome {
    /// The condition is known not to hold.
    Unmet = 0,
    /// A missing value keeps it from being known.
    Unknown = 1,
    /// The condition holds.
    Met = 2,
}

impl Outcome {
    #[inline]
    pub(crate) fn of_level(level: u8) -> Self {
        match level {
            0 => Self::Unmet,
            1 => Self::Unknown,
            _ => Self::Met,
        }
    }
}

/// A value and what it is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    input: u32,
    observed: f64,
    relation: Relation,
    expected: f64,
}

impl Condition {
    /// The condition as the contract has it.
    #[must_use]
    pub fn to_contract(self) -> wit::Condition {
        let outcome = match self.outcome() {
            Outcome::Unmet => wit::Outcome::Unmet,
            Outcome::Unknown => wit::Outcome::Unknown,
            Outcome::Met => wit::Outcome::Met,
        };
        let Self { input, observed, relation, expected } = self;
        wit::Condition { input, observed, relation, expected, outcome }
    }
}

/// The value of one input on one row. It may be missing.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    input: u32,
    value: f64,
}

impl Reading {
    /// A reading of the input at place `input` of the declaration; NaN is missing.
    #[must_use]
    #[inline]
    pub const fn new(input: u32, value: f64) -> Self {
        Self { input, value }
    }

    /// The value, if it is known.
    #[must_use]
    #[inline]
    pub fn value(self) -> Option<f64> {
        (!self.value.is_nan()).then_some(self.value)
    }

    /// The same input, with this value where it is missing.
    #[must_use]
    #[inline]
    pub fn or(self, value: f64) -> Self {
        if self.value.is_nan() { Self { value, ..self } } else { self }
    }

    /// The same input with another value; for tests.
    #[must_use]
    pub const fn with(self, value: f64) -> Self {
        Self { value, ..self }
    }

    /// The value is greater than `expected`.
    #[inline]
    pub fn above(self, expected: impl Into<f64>) -> Condition {
        self.compared(Relation::Above, expected.into())
    }

    /// The value is `expected` or more.
    #[inline]
    pub fn at_least(self, expected: impl Into<f64>) -> Condition {
        self.compared(Relation::AtLeast, expected.into())
    }

    /// The value is less than `expected`.
    #[inline]
    pub fn below(self, expected: impl Into<f64>) -> Condition {
        self.compared(Relation::Below, expected.into())
    }

    /// The value is `expected` or less.
    #[inline]
    pub fn at_most(self, expected: impl Into<f64>) -> Condition {
        self.compared(Relation::AtMost, expected.into())
    }

    /// The value is `expected` exactly.
    #[inline]
    pub fn equal(self, expected: impl Into<f64>) -> Condition {
        self.compared(Relation::Equal, expected.into())
    }

    /// The text test holds, or the boolean metric is true.
    #[inline]
    pub fn is_true(self) -> Condition {
        self.equal(1.0)
    }

    #[inline]
    fn compared(self, relation: Relation, expected: f64) -> Condition {
        Condition { input: self.input, observed: self.value, relation, expected }
    }
}

impl From<Reading> for f64 {
    #[inline]
    fn from(reading: Reading) -> Self {
        reading.value
    }
}

/// A product of readings; missing if either is.
impl<T: Into<f64>> Mul<T> for Reading {
    type Output = f64;
    #[inline]
    fn mul(self, other: T) -> f64 {
        self.value * other.into()
    }
}

/// A ratio of readings; missing if either is.
impl<T: Into<f64>> Div<T> for Reading {
    type Output = f64;
    #[inline]
    fn div(self, other: T) -> f64 {
        self.value / other.into()
    }
}

/// Something that can be judged and, when a detection opens, explained: a condition, or conditions joined by `&` and `|`.
pub trait Judgement {
    /// 0 for unmet, 1 for unknown, 2 for met: a number, so that a loop over rows becomes one over vectors.
    fn level(&self) -> u8;
    /// Met, unmet or unknown.
    #[inline]
    fn outcome(&self) -> Outcome {
        Outcome::of_level(self.level())
    }
    /// Shows every condition, in the order written.
    fn each(&self, visit: &mut dyn FnMut(Condition));
}

impl Judgement for Condition {
    /// No comparison with NaN holds, so `met` and `unknown` exclude each other.
    #[inline]
    #[allow(clippy::float_cmp, reason = "exact equality is what `equal` promises")]
    fn level(&self) -> u8 {
        let (observed, expected) = (self.observed, self.expected);
        let met = match self.relation {
            Relation::Above => observed > expected,
            Relation::AtLeast => observed >= expected,
            Relation::Below => observed < expected,
            Relation::AtMost => observed <= expected,
            Relation::Equal => observed == expected,
        };
        let unknown = observed.is_nan() | expected.is_nan();
        u8::from(met) << 1 | u8::from(unknown)
    }

    fn each(&self, visit: &mut dyn FnMut(Condition)) {
        visit(*self);
    }
}

/// Both must be met.
#[derive(Clone, Copy, Debug)]
pub struct And<A, B>(A, B);

/// One must be met.
#[derive(Clone, Copy, Debug)]
pub struct Or<A, B>(A, B);

impl<A: Judgement, B: Judgement> Judgement for And<A, B> {
    #[inline]
    fn level(&self) -> u8 {
        self.0.level().min(self.1.level())
    }

    fn each(&self, visit: &mut dyn FnMut(Condition)) {
        self.0.each(visit);
        self.1.each(visit);
    }
}

impl<A: Judgement, B: Judgement> Judgement for Or<A, B> {
    #[inline]
    fn level(&self) -> u8 {
        self.0.level().max(self.1.level())
    }

    fn each(&self, visit: &mut dyn FnMut(Condition)) {
        self.0.each(visit);
        self.1.each(visit);
    }
}

/// How a rule with several conditions joins them: a setting of many rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Match {
    /// One condition is enough.
    Any,
    /// Every condition must be met.
    #[default]
    All,
}

/// Conditions whose number or way of joining is chosen at run time.
#[derive(Clone, Debug)]
pub struct Joined<C> {
    how: Match,
    conditions: C,
}

impl Match {
    /// Joins conditions this way.
    #[inline]
    pub fn of<C: AsRef<[Condition]>>(self, conditions: C) -> Joined<C> {
        Joined { how: self, conditions }
    }
}

impl<C: AsRef<[Condition]>> Judgement for Joined<C> {
    #[inline]
    fn level(&self) -> u8 {
        let levels = self.conditions.as_ref().iter().map(Judgement::level);
        match self.how {
            Match::Any => levels.fold(Outcome::Unmet as u8, u8::max),
            Match::All => levels.fold(Outcome::Met as u8, u8::min),
        }
    }

    fn each(&self, visit: &mut dyn FnMut(Condition)) {
        self.conditions.as_ref().iter().copied().for_each(visit);
    }
}

macro_rules! joins {
    ($($left:ty $(, $generic:ident)*);+ $(;)?) => {$(
        impl<$($generic: Judgement,)* J: Judgement> BitAnd<J> for $left {
            type Output = And<Self, J>;
            #[inline]
            fn bitand(self, other: J) -> Self::Output {
                And(self, other)
            }
        }
        impl<$($generic: Judgement,)* J: Judgement> BitOr<J> for $left {
            type Output = Or<Self, J>;
            #[inline]
            fn bitor(self, other: J) -> Self::Output {
                Or(self, other)
            }
        }
    )+};
}

joins! { Condition; And<A, B>, A, B; Or<A, B>, A, B }

impl<C: AsRef<[Condition]>, J: Judgement> BitAnd<J> for Joined<C> {
    type Output = And<Self, J>;
    #[inline]
    fn bitand(self, other: J) -> Self::Output {
        And(self, other)
    }
}

impl<C: AsRef<[Condition]>, J: Judgement> BitOr<J> for Joined<C> {
    type Output = Or<Self, J>;
    #[inline]
    fn bitor(self, other: J) -> Self::Output {
        Or(self, other)
    }
}
