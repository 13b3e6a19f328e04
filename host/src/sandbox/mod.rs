//! Turns component bytes into something that can be called, within limits. The only room that knows wasmtime.
//!
//! A component is [loaded](Sandbox::load) once: its kind, contract version and imports are read, and anything that is
//! not granted is refused by name. From a [`Plugin`] come instances, each configured once and called from one thread at
//! a time. Rules and scorers are called and answer; actions are awaited, since they wait for others.

mod action;
pub mod contract;
mod engine;
mod error;
mod imports;
mod instance;
mod plugin;
mod quota;
mod rule;
mod scorer;

pub use action::{ActionInstance, Descriptor as ActionDescriptor};
pub use engine::Sandbox;
pub use error::{CallError, LoadError};
pub use plugin::{Kind, Plugin};
pub use rule::{Descriptor as RuleDescriptor, RuleInstance};
pub use scorer::{Descriptor as ScorerDescriptor, ScorerInstance};
