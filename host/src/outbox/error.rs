//! Why the outbox does not do what it is asked.

use super::record::StateKind;

/// Why the outbox does not do what it is asked. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboxError {
    /// Too much is owed already.
    #[error("the outbox is full: {limit} actions are owed and not over, which is the most that it keeps")]
    Full {
        /// The most that it keeps.
        limit: usize,
    },
    /// No destination has that name.
    #[error("action: {action:?} is not set up, expected one of the configured actions")]
    UnknownAction {
        /// The name.
        action: String,
    },
    /// Nothing has that key, or no longer.
    #[error("key: nothing is known of {key:?}")]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// A job is said to be finished that does not run.
    #[error("seq: {seq} is not under way")]
    NotUnderWay {
        /// The job.
        seq: u64,
    },
    /// It is not in the state that the request is about.
    #[error("{key:?} is {found}, expected {expected}")]
    WrongState {
        /// The key.
        key: String,
        /// Its state.
        found: StateKind,
        /// The states that would do.
        expected: &'static str,
    },
    /// Whoever asked for it also wants to approve it.
    #[error("approve: {by:?} asked for {key:?}, expected a second person")]
    SamePerson {
        /// The key.
        key: String,
        /// Who asked.
        by: String,
    },
}
