//! Whose fault a silence is. When nobody is heard any more, it is most likely the host that has gone deaf.
//!
//! A silence is judged only as far as the host could see: up to the [horizon](Observer::horizon). It stands still while the
//! host was stopped, its clock was set, its queue was full, or much less was heard than usual; blind time is no
//! part of any silence, and once sight is back the next sign of life of every system has time to come.

mod blind;
mod config;
mod pace;
#[cfg(test)]
mod tests;
mod watch;

pub use blind::{BlindInterval, BlindIntervals, Blindness, Cause, Change};
pub use config::ObserverConfig;
pub use watch::Observer;
