//! What must happen and has not yet: actions that the host owes, until each is done, dead or cancelled.
//!
//! Deciding only: no clock, no threads, nothing is read or written. The host says what time it is, runs the
//! [jobs](Job), says how they [went](Finish), and writes down [what changed](Outbox::changed).
//!
//! # What holds
//! - **At least once.** A key is owed once and keeps its key on every try. A try that a crash cut short counts as
//!   made, and is made again at once with the next attempt number: the destination may see it twice, with one key.
//!   What is done is never run again.
//! - **One after another in a lane.** Of one action and lane, one job at a time is under way or awaits a report, and
//!   the others keep the order in which they were owed. One that waits for its next try, for a report or for an
//!   approval holds up its lane. A dead letter does not: the lane goes on with the next. One that is replayed takes
//!   its old place before those that still wait.
//! - **Nobody pays for another destination.** Each has its own places, its own breaker, its own lanes; lanes take
//!   turns, and so do destinations. A report that is awaited holds the lane but no place.
//! - **Everything ends.** After `attempts_max` tries, or `give_up_after_s` after it was owed (approved, replayed), tried
//!   or not, what is not done is a dead letter. Only what is held waits for people, however long.

mod backoff;
mod blast;
mod breaker;
mod canary;
mod destination;
mod error;
mod index;
mod operator;
mod owed;
mod owing;
mod queue;
mod record;
mod report;
mod take;
#[cfg(test)]
mod tests;
mod view;

pub use breaker::BreakerState;
pub use canary::CanaryState;
pub use destination::{Approval, BREAKER_S_MAX, Blast, Destination};
pub use error::OutboxError;
pub use owed::{Owed, Verb};
pub use owing::{Limits, Outbox};
pub use record::{REASON_BYTES_MAX, Record, Standing, State, StateKind};
pub use report::{Report, ReportState};
pub use take::{Finish, Job};
pub use view::{Depth, Filter};
