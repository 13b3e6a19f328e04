//! The heartbeat of a system: when its next sign of life is due, how sure it is that a silent one is gone, and whether
//! what was agreed about that can be kept.
//!
//! A [`Heartbeat`] predicts arrivals (`arrivals`), learns how late beats come and how many are lost in a row, and derives
//! from a [`Contract`] the moment from which silence counts. The [`Wheel`] wakes only systems that are due.

mod agreement;
mod arrivals;
mod beat;
mod contract;
mod fact;
mod facts;
mod jitter;
mod lateness;
mod losses;
#[cfg(test)]
mod odd_tests;
mod spells;
#[cfg(test)]
mod tests;
mod timing;
mod wheel;

pub use agreement::{Agreement, Agreements};
pub use beat::{Beat, Heartbeat};
pub use contract::{Contract, ContractError};
pub use fact::Fact;
pub use facts::{Facts, Report};
pub use timing::Standing;
pub use wheel::Wheel;
