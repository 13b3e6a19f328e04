//! Turns component bytes into something that can be called, within limits. The only room that knows wasmtime.
//!
//! A component is [loaded](Sandbox::load) once: its kind, contract version and imports are read, and anything that is
//! not granted is refused by name. From a [`Plugin`] come instances, each configured once and called from one thread.

pub mod contract;
mod engine;
mod error;
mod instance;
mod plugin;
mod quota;
mod rule;
mod scorer;

pub use engine::Sandbox;
pub use error::{CallError, LoadError};
pub use plugin::{Kind, Plugin};
pub use rule::{Descriptor as RuleDescriptor, RuleInstance};
pub use scorer::{Descriptor as ScorerDescriptor, ScorerInstance};
