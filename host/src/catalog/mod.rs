//! Which plugins, rules, scorers and settings are in force.
//!
//! The [configuration](config) says what the operator wants; [`Catalog::assemble`] loads the components, configures each
//! once to read its descriptor, and binds declared inputs to the columns of one shared plan. What cannot be used is
//! refused by name, and the others go on.

mod action;
mod assemble;
mod bind;
pub mod config;
mod rule;
mod scope;
mod scorer;

pub use action::{Action, ESCALATE, SEND_ALERT};
pub use assemble::{Catalog, Parts, Refused, Sources, load_file, plugin_name, plugin_of};
pub use rule::{ColumnSource, Rule};
pub use scope::{Scope, Scopes};
pub use scorer::Scorer;
