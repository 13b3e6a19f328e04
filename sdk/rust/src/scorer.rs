//! Scorers: how unusual a row is, by a model of what is usual.

use std::cell::RefCell;

use serde::de::DeserializeOwned;

use crate::bindings::rule::lapwing::plugin::types::Batch;
use crate::bindings::scorer::exports::lapwing::plugin::scorer as wit;
use crate::input::Declared;
use crate::rule::parse_settings;

/// A scorer and the model that it makes.
pub trait Scorer: Sized + 'static {
    /// The plugin's own settings.
    type Settings: DeserializeOwned;
    /// What `train` learns and `score` needs.
    type Model;

    /// Makes the scorer from its settings.
    ///
    /// # Errors
    /// A sentence for the operator that names the setting.
    fn configure(settings: Self::Settings) -> Result<Self, String>;

    /// What to call it, and one sentence on how it judges.
    fn describe(&self) -> (&'static str, &'static str);

    /// What the scorer reads, for training and scoring alike.
    fn inputs(&self) -> Vec<Declared>;

    /// Learns from `rows` rows of one system type, oldest first. Missing values are NaN.
    ///
    /// # Errors
    /// Why nothing can be learned from these rows; the model in force stays.
    fn train(&self, columns: &[Vec<f64>], rows: usize) -> Result<Self::Model, String>;

    /// The model as bytes.
    fn save(&self, model: &Self::Model) -> Vec<u8>;

    /// The model that [`save`](Scorer::save) wrote.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    fn restore(&self, bytes: &[u8]) -> Result<Self::Model, String>;

    /// A score in 0..=1 for each of `rows` rows, as [`calibrate`] gives it; NaN: cannot say.
    fn score(&self, model: &Self::Model, columns: &[Vec<f64>], rows: usize) -> Vec<f64>;
}

/// The common scale of scores: how far beyond usual a row is, in units of the scorer's own limit, as a number in 0..1.
///
/// Continuous and strictly increasing: 0 at 0, 0.5 at the limit itself (`excess` = 1), 0.8 at twice the limit, and
/// never quite 1. A negative excess is 0, NaN stays NaN.
#[must_use]
#[inline]
pub fn calibrate(excess: f64) -> f64 {
    let squared = excess.max(0.0) * excess.max(0.0);
    if excess.is_nan() {
        f64::NAN
    } else if squared > 1e15 {
        1.0
    } else {
        squared / (1.0 + squared)
    }
}

/// Where an exported scorer and its model live between calls; [`export_scorer!`](crate::export_scorer) makes it.
pub type Slot<S> = RefCell<Option<(S, Option<<S as Scorer>::Model>)>>;

#[doc(hidden)]
pub fn configure<S: Scorer>(slot: &Slot<S>, settings: &str) -> Result<wit::Descriptor, String> {
    crate::panics::to_log();
    let scorer = S::configure(parse_settings(settings)?)?;
    let (name, description) = scorer.describe();
    let inputs = scorer.inputs().into_iter().map(|declared| declared.input).collect();
    *slot.borrow_mut() = Some((scorer, None));
    Ok(wit::Descriptor { inputs, name: name.to_owned(), description: description.to_owned() })
}

#[doc(hidden)]
pub fn train<S: Scorer>(slot: &Slot<S>, batch: &Batch) -> Result<Vec<u8>, String> {
    let slot = slot.borrow();
    let (scorer, _) = slot.as_ref().ok_or("not configured")?;
    let model = scorer.train(&batch.columns, batch.rows as usize)?;
    Ok(scorer.save(&model))
}

#[doc(hidden)]
pub fn load<S: Scorer>(slot: &Slot<S>, bytes: &[u8]) -> Result<(), String> {
    let mut slot = slot.borrow_mut();
    let (scorer, model) = slot.as_mut().ok_or("not configured")?;
    *model = Some(scorer.restore(bytes)?);
    Ok(())
}

#[doc(hidden)]
pub fn score<S: Scorer>(slot: &Slot<S>, batch: &Batch) -> Result<Vec<f64>, String> {
    let slot = slot.borrow();
    let (scorer, model) = slot.as_ref().ok_or("not configured")?;
    let model = model.as_ref().ok_or("no model loaded")?;
    Ok(scorer.score(model, &batch.columns, batch.rows as usize))
}

/// Makes a type that implements [`Scorer`] the scorer that this component exports.
#[macro_export]
macro_rules! export_scorer {
    ($scorer:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings::rule::lapwing::plugin::types::Batch;
            use $crate::bindings::scorer::exports::lapwing::plugin::scorer as wit;

            thread_local! {
                static SCORER: $crate::scorer::Slot<$scorer> = const { $crate::scorer::Slot::new(None) };
            }

            struct Component;

            impl wit::Guest for Component {
                fn configure(settings: String) -> Result<wit::Descriptor, String> {
                    SCORER.with(|scorer| $crate::scorer::configure(scorer, &settings))
                }

                fn train(rows: Batch) -> Result<Vec<u8>, String> {
                    SCORER.with(|scorer| $crate::scorer::train(scorer, &rows))
                }

                fn load(model: Vec<u8>) -> Result<(), String> {
                    SCORER.with(|scorer| $crate::scorer::load(scorer, &model))
                }

                fn score(rows: Batch) -> Result<Vec<f64>, String> {
                    SCORER.with(|scorer| $crate::scorer::score(scorer, &rows))
                }
            }

    $crate::bindings::scorer::export!(Component with_types_in $crate::bindings::scorer);
        };
    };
}
