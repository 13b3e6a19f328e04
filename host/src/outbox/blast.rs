//! How many systems an action touches within a time, and when that is too many.

use std::collections::{BTreeSet, HashMap};

use super::destination::Blast;
use crate::time::Millis;

/// The systems that an action touched, or wanted to.
#[derive(Debug, Default)]
pub(super) struct Reach {
    touched: Recent,
    /// Those included that are held.
    wanted: Recent,
}

impl Reach {
    /// A system is touched.
    pub(super) fn touch(&mut self, system_id: &str, at: Millis) {
        self.touched.note(system_id, at);
        self.wanted.note(system_id, at);
    }

    /// An action for a system is held.
    pub(super) fn hold(&mut self, system_id: &str, at: Millis) {
        self.wanted.note(system_id, at);
    }

    /// Why the action may not touch one more system by itself, if so.
    pub(super) fn refusal(
        &mut self,
        blast: &Blast,
        system_id: &str,
        fleet_size: usize,
        now: Millis,
    ) -> Option<String> {
        let before = now.plus_seconds(-blast.window_s);
        self.touched.forget(before);
        self.wanted.forget(before);
        // 0.29 of 100 is 29, whatever the product of the two numbers is.
        let by_share = (blast.share * fleet_size as f64 + 1e-9) as usize;
        let allowed = by_share.min(blast.count as usize).max(1);
        if self.touched.contains(system_id) || self.touched.len() < allowed {
            return None;
        }
        let would_touch = self.wanted.len() + usize::from(!self.wanted.contains(system_id));
        let limit = match blast.count {
            _ if by_share <= blast.count as usize => {
                format!("{} % are allowed", (blast.share * 1e4).round() / 1e2)
            }
            1 => "1 is allowed".to_owned(),
            count => format!("{count} are allowed"),
        };
        let window_s = blast.window_s;
        Some(format!("would touch {would_touch} of {fleet_size} systems within {window_s} s; {limit}"))
    }
}

/// Systems, each by when it was last noted.
#[derive(Debug, Default)]
struct Recent {
    last: HashMap<String, Millis>,
    by_time: BTreeSet<(Millis, String)>,
}

impl Recent {
    fn note(&mut self, system_id: &str, at: Millis) {
        if let Some(last) = self.last.get_mut(system_id) {
            if *last >= at {
                return;
            }
            self.by_time.remove(&(*last, system_id.to_owned()));
            *last = at;
        } else {
            self.last.insert(system_id.to_owned(), at);
        }
        self.by_time.insert((at, system_id.to_owned()));
    }

    /// Lets go of those noted at `before` or earlier.
    fn forget(&mut self, before: Millis) {
        while self.by_time.first().is_some_and(|(at, _)| *at <= before) {
            if let Some((_, system_id)) = self.by_time.pop_first() {
                self.last.remove(&system_id);
            }
        }
    }

    fn contains(&self, system_id: &str) -> bool {
        self.last.contains_key(system_id)
    }

    fn len(&self) -> usize {
        self.last.len()
    }
}
