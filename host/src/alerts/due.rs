//! What comes of time alone, in order.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use super::group::GroupId;
use crate::time::Millis;

/// Something that falls due. At the same moment the upper ones come first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// The configuration is not the one that the records were made by.
    Adopt,
    SilenceStarts(Uuid),
    SilenceEnds(Uuid),
    /// A maintenance window, by its place in the plan, begins or ends.
    Window(usize),
    /// A rule and system is calm again or forgotten.
    Flap(Arc<str>),
    Flush(GroupId),
    Escalate(Uuid),
    /// An ended silence is forgotten.
    Forget(Uuid),
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(super) struct DueQueue(BTreeSet<(Millis, Due)>);

impl DueQueue {
    pub(super) fn insert(&mut self, at: Millis, due: Due) {
        self.0.insert((at, due));
    }

    /// Moves what was due at one time to another.
    pub(super) fn shift(&mut self, from: Option<Millis>, to: Option<Millis>, due: Due) {
        if from == to {
            return;
        }
        let mut entry = (Millis(0), due);
        if let Some(from) = from {
            entry.0 = from;
            self.0.remove(&entry);
        }
        if let Some(to) = to {
            entry.0 = to;
            self.0.insert(entry);
        }
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Due) -> bool) {
        self.0.retain(|(_, due)| keep(due));
    }

    pub(super) fn next(&self) -> Option<Millis> {
        self.0.first().map(|&(at, _)| at)
    }

    /// Takes what has fallen due first.
    pub(super) fn pop(&mut self, now: Millis) -> Option<Due> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, due)| due)
    }
}
