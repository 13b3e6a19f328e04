//! Rules: a struct, its inputs, and a function over one row ([`Rule`]) or over a batch ([`BatchRule`]).

use std::cell::OnceCell;

use serde::de::DeserializeOwned;

use crate::bindings::rule::exports::lapwing::plugin::rule as wit;
use crate::bindings::rule::lapwing::plugin::types as wit_types;
use crate::input::{Declared, words};
use crate::judgement::{Condition, Judgement, Outcome, Relation};

pub use wit::{DetectionType, Explanation, Severity, Verdicts};

/// What a rule is, with the defaults that an operator may override.
#[derive(Clone, Debug)]
pub struct Description {
    /// For people: "Resource exhaustion".
    pub name: &'static str,
    /// One sentence on what the rule detects.
    pub description: &'static str,
    /// What kind of trouble a match means.
    pub detection_type: DetectionType,
    /// How bad it is.
    pub severity: Severity,
    /// A detection opens when `min_occurrences` rows matched within so many seconds.
    pub window_s: u32,
    /// From 1.
    pub min_occurrences: u32,
    /// The actions owed when a detection opens.
    pub actions: &'static [&'static str],
}

/// The inputs of a rule as fields of a struct; the [`inputs!`](crate::inputs) macro writes it.
pub trait Inputs: Sized {
    /// The columns of a batch, one slice a field, all of one length.
    type Columns<'a>;
    /// A part of them, of [`STRETCH`] rows.
    type Stretch<'a>;

    /// What to ask of the host, in the order of the fields.
    fn declare() -> Vec<Declared>;
    /// Arranges the columns of a batch of `rows` rows; `None` if there are fewer columns or values than declared.
    fn columns<'a>(columns: &'a [Vec<f64>], rows: usize) -> Option<Self::Columns<'a>>;
    /// One row.
    fn read(columns: &Self::Columns<'_>, row: usize) -> Self;
    /// [`STRETCH`] rows from `begin` on; `None` if there are not so many left. Their fixed length is what lets a loop over
    /// them do without checks and use vectors.
    fn stretch<'a>(columns: &Self::Columns<'a>, begin: usize) -> Option<Self::Stretch<'a>>;
    /// One row of a stretch; `offset` is below [`STRETCH`].
    fn read_stretch(stretch: &Self::Stretch<'_>, offset: usize) -> Self;
    /// A row on which every parameter has its default and all else is missing: where a unit test starts.
    fn missing() -> Self;
}

/// Declares the inputs of a rule.
///
/// ```
/// use lapwing_sdk::prelude::*;
///
/// lapwing_sdk::inputs! {
///     pub struct Inputs {
///         queue_depth: latest("queue_depth"),
///         usual: mean("queue_depth").last(990).before(10),
///         threshold: parameter("threshold", "how many times the usual depth", 3.0, 1.0..=1000.0),
///     }
/// }
/// ```
#[macro_export]
macro_rules! inputs {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$field_meta:meta])* $field:ident: $input:expr),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        #[allow(missing_docs, reason = "the declaration of an input says what it is")]
        $vis struct $name { $($(#[$field_meta])* $vis $field: $crate::Reading),+ }

        impl $crate::Inputs for $name {
            type Columns<'a> = [&'a [f64]; [$(stringify!($field)),+].len()];
            type Stretch<'a> = [&'a [f64; $crate::rule::STRETCH]; [$(stringify!($field)),+].len()];

            fn declare() -> Vec<$crate::input::Declared> {
                vec![$(<$crate::input::Declared as From<_>>::from($input)),+]
            }

            fn columns<'a>(columns: &'a [Vec<f64>], rows: usize) -> Option<Self::Columns<'a>> {
                let mut columns = columns.iter();
                Some([$({ let _ = stringify!($field); columns.next()?.get(..rows)? }),+])
            }

            #[inline(always)]
            #[allow(unused_assignments)]
            fn read(columns: &Self::Columns<'_>, row: usize) -> Self {
                let mut input = 0;
                Self { $($field: {
                    let reading = $crate::Reading::new(input as u32, columns[input][row]);
                    input += 1;
                    reading
                }),+ }
            }

            #[inline(always)]
            fn stretch<'a>(columns: &Self::Columns<'a>, begin: usize) -> Option<Self::Stretch<'a>> {
                let mut columns = columns.iter();
                Some([$({
                    let _ = stringify!($field);
                    columns.next()?.get(begin..)?.first_chunk()?
                }),+])
            }

            #[inline(always)]
            #[allow(unused_assignments)]
            fn read_stretch(stretch: &Self::Stretch<'_>, offset: usize) -> Self {
                let mut input = 0;
                Self { $($field: {
                    let reading = $crate::Reading::new(input as u32, stretch[input][offset]);
                    input += 1;
                    reading
                }),+ }
            }

            #[allow(unused_assignments)]
            fn missing() -> Self {
                let declared = <Self as $crate::Inputs>::declare();
                let mut input = 0;
                Self { $($field: {
                    let default = declared[input].parameter.as_ref().map_or(f64::NAN, |parameter| parameter.default);
                    let reading = $crate::Reading::new(input as u32, default);
                    input += 1;
                    reading
                }),+ }
            }
        }
    };
}

/// A rule as a function over one row. The fields of the struct are the plugin's own settings: the rule is read from the
/// JSON object that the operator gives.
///
/// ```
/// use lapwing_sdk::prelude::*;
///
/// lapwing_sdk::inputs! {
///     pub struct Inputs {
///         expires_at: latest("certificate_expires_at"),
///         now: timestamp(),
///         days: parameter("threshold", "days before the expiry", 14.0, 0.0..=365.0),
///     }
/// }
///
/// #[derive(Deserialize)]
/// #[serde(deny_unknown_fields)]
/// pub struct CertificateExpiry {}
///
/// impl Rule for CertificateExpiry {
///     type Inputs = Inputs;
///
///     fn describe(&self) -> Description {
///         Description {
///             name: "Certificate expiry",
///             description: "A certificate is about to expire",
///             detection_type: DetectionType::ConfigurationDrift,
///             severity: Severity::Medium,
///             window_s: 3600,
///             min_occurrences: 1,
///             actions: &["send_alert"],
///         }
///     }
///
///     fn judge(&self, row: &Inputs) -> impl Judgement {
///         row.expires_at.below(f64::from(row.now) + row.days * 86_400.0)
///     }
/// }
///
/// lapwing_sdk::export_rule!(CertificateExpiry);
///
/// // The same code runs in a native test.
/// let mut row = Inputs::missing();
/// assert_eq!(CertificateExpiry {}.judge(&row).outcome(), Outcome::Unknown);
/// row.now = row.now.with(0.0);
/// row.expires_at = row.expires_at.with(86_400.0);
/// assert_eq!(CertificateExpiry {}.judge(&row).outcome(), Outcome::Met);
/// ```
pub trait Rule: DeserializeOwned + 'static {
    /// What the rule reads.
    type Inputs: Inputs;

    /// Refuses settings that make no sense.
    ///
    /// # Errors
    /// A sentence for the operator that names the setting and what would be right.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// What the rule is.
    fn describe(&self) -> Description;

    /// Judges one row.
    fn judge(&self, row: &Self::Inputs) -> impl Judgement;
}

/// A rule as a function over a batch, for inputs that depend on the settings, or for speed. Every [`Rule`] is one.
pub trait BatchRule: Sized + 'static {
    /// The plugin's own settings.
    type Settings: DeserializeOwned;

    /// Makes the rule from its settings.
    ///
    /// # Errors
    /// A sentence for the operator that names the setting.
    fn configure(settings: Self::Settings) -> Result<Self, String>;

    /// What the rule is.
    fn describe(&self) -> Description;

    /// What the rule reads.
    fn inputs(&self) -> Vec<Declared>;

    /// Judges `rows` rows. `columns` has a column for each input, each of `rows` values.
    ///
    /// # Errors
    /// A sentence for the log. The batch then counts as failed.
    fn evaluate(&self, columns: &[Vec<f64>], rows: usize) -> Result<Verdicts, String>;

    /// Shows every condition of one row.
    ///
    /// # Errors
    /// A sentence for the log.
    fn conditions(&self, columns: &[Vec<f64>], row: usize) -> Result<Vec<Condition>, String>;
}

impl<R: Rule> BatchRule for R {
    type Settings = R;

    fn configure(rule: R) -> Result<R, String> {
        rule.check()?;
        Ok(rule)
    }

    fn describe(&self) -> Description {
        R::describe(self)
    }

    fn inputs(&self) -> Vec<Declared> {
        R::Inputs::declare()
    }

    fn evaluate(&self, columns: &[Vec<f64>], rows: usize) -> Result<Verdicts, String> {
        let columns = R::Inputs::columns(columns, rows).ok_or("fewer columns or values than declared")?;
        let mut verdicts = Verdicts { matched: Vec::new(), unknown: Vec::new() };
        let mut begin = 0;
        while let Some(stretch) = R::Inputs::stretch(&columns, begin) {
            let mut levels = [0; STRETCH];
            for (offset, level) in levels.iter_mut().enumerate() {
                *level = self.judge(&R::Inputs::read_stretch(&stretch, offset)).level();
            }
            // Most stretches are all clear, and then nothing has to be looked at row by row.
            if levels.iter().fold(0, |any, level| any | level) != Outcome::Unmet as u8 {
                sort(&levels, begin, &mut verdicts);
            }
            begin += STRETCH;
        }
        for row in begin..rows {
            sort(&[self.judge(&R::Inputs::read(&columns, row)).level()], row, &mut verdicts);
        }
        Ok(verdicts)
    }

    fn conditions(&self, columns: &[Vec<f64>], row: usize) -> Result<Vec<Condition>, String> {
        let columns = R::Inputs::columns(columns, row + 1).ok_or("fewer columns or values than declared")?;
        let mut conditions = Vec::new();
        self.judge(&R::Inputs::read(&columns, row)).each(&mut |condition| conditions.push(condition));
        Ok(conditions)
    }
}

/// Rows that a [`Rule`] judges together.
pub const STRETCH: usize = 16;

/// Sorts rows by what `judge` says of each.
#[inline(always)]
pub fn verdicts(rows: usize, judge: impl Fn(usize) -> Outcome) -> Verdicts {
    let mut verdicts = Verdicts { matched: Vec::new(), unknown: Vec::new() };
    for row in 0..rows {
        sort(&[judge(row) as u8], row, &mut verdicts);
    }
    verdicts
}

/// Adds the rows from `begin` on to the lists that their levels belong to.
#[inline]
fn sort(levels: &[u8], begin: usize, verdicts: &mut Verdicts) {
    for (row, &level) in (begin as u32..).zip(levels) {
        match Outcome::of_level(level) {
            Outcome::Unmet => {}
            Outcome::Unknown => verdicts.unknown.push(row),
            Outcome::Met => verdicts.matched.push(row),
        }
    }
}

/// Where an exported rule lives between calls; [`export_rule!`](crate::export_rule) makes it.
pub type Slot<R> = OnceCell<R>;

pub(crate) fn parse_settings<S: DeserializeOwned>(settings: &str) -> Result<S, String> {
    serde_json::from_str(settings).map_err(|error| format!("settings: {error}"))
}

#[doc(hidden)]
pub fn configure<R: BatchRule>(slot: &Slot<R>, settings: &str) -> Result<wit::Descriptor, String> {
    crate::panics::to_log();
    let rule = R::configure(parse_settings(settings)?)?;
    let declared = rule.inputs();
    let description = rule.describe();
    let descriptor = wit::Descriptor {
        inputs: declared.iter().map(|declared| declared.input.clone()).collect(),
        parameters: declared.into_iter().filter_map(|declared| declared.parameter).collect(),
        name: description.name.to_owned(),
        description: description.description.to_owned(),
        detection_type: description.detection_type,
        severity: description.severity,
        window_s: description.window_s,
        min_occurrences: description.min_occurrences,
        actions: description.actions.iter().map(|&action| action.to_owned()).collect(),
    };
    slot.set(rule).map_err(|_| "configured twice".to_owned())?;
    Ok(descriptor)
}

#[doc(hidden)]
pub fn evaluate<R: BatchRule>(slot: &Slot<R>, batch: &wit_types::Batch) -> Result<Verdicts, String> {
    slot.get().ok_or("not configured")?.evaluate(&batch.columns, batch.rows as usize)
}

#[doc(hidden)]
pub fn explain<R: BatchRule>(slot: &Slot<R>, batch: &wit_types::Batch) -> Result<Vec<Explanation>, String> {
    let rule = slot.get().ok_or("not configured")?;
    let inputs = rule.inputs();
    (0..batch.rows as usize)
        .map(|row| {
            let conditions: Vec<wit::Condition> =
                rule.conditions(&batch.columns, row)?.into_iter().map(Condition::to_contract).collect();
            Ok(Explanation { summary: summary(&inputs, &conditions), conditions })
        })
        .collect()
}

/// The met conditions in one sentence.
fn summary(inputs: &[Declared], conditions: &[wit::Condition]) -> String {
    let met = conditions.iter().filter(|condition| condition.outcome == wit::Outcome::Met);
    let phrases: Vec<String> = met
        .map(|condition| {
            let input = inputs.get(condition.input as usize).map(|declared| &declared.input);
            let metric = input.map_or_else(|| format!("input {}", condition.input), words);
            if let (Some(wit_types::Input::Equals(_)), Relation::Equal) = (input, condition.relation) {
                return metric;
            }
            if condition.relation == Relation::Equal {
                return format!("{metric} is {}", figure(condition.observed));
            }
            let relation = match condition.relation {
                Relation::Above => "above",
                Relation::AtLeast => "at least",
                Relation::Below => "below",
                Relation::AtMost => "at most",
                Relation::Equal => "",
            };
            format!("{metric} {} is {relation} {}", figure(condition.observed), figure(condition.expected))
        })
        .collect();
    phrases.join(", ")
}

/// A number as a person would write it: at most three decimals.
fn figure(value: f64) -> String {
    let rounded = (value * 1e3).round() / 1e3;
    if rounded.is_finite() { rounded.to_string() } else { value.to_string() }
}

/// Makes a type that implements [`Rule`] or [`BatchRule`] the rule that this component exports.
#[macro_export]
macro_rules! export_rule {
    ($rule:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings::rule::exports::lapwing::plugin::rule as wit;
            use $crate::bindings::rule::lapwing::plugin::types::Batch;

            thread_local! {
                static RULE: $crate::rule::Slot<$rule> = const { $crate::rule::Slot::new() };
            }

            struct Component;

            impl wit::Guest for Component {
                fn configure(settings: String) -> Result<wit::Descriptor, String> {
                    RULE.with(|rule| $crate::rule::configure(rule, &settings))
                }

                fn evaluate(rows: Batch) -> Result<wit::Verdicts, String> {
                    RULE.with(|rule| $crate::rule::evaluate(rule, &rows))
                }

                fn explain(rows: Batch) -> Result<Vec<wit::Explanation>, String> {
                    RULE.with(|rule| $crate::rule::explain(rule, &rows))
                }
            }

    $crate::bindings::rule::export!(Component with_types_in $crate::bindings::rule);
        };
    };
}
