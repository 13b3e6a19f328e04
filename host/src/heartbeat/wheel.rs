//! Wakes for systems that are due, of which only those are touched.

use crate::time::Millis;

/// A turn's slots. A system that is due later than a turn is looked at once a turn.
const SLOTS: u64 = 4096;
/// What one slot spans, in milliseconds.
const SLOT_MS: i64 = 32;
/// No system.
const NONE: u32 = u32::MAX;
/// No slot.
const NOWHERE: u16 = u16::MAX;

/// A timing wheel (Varghese and Lauck, 1987) over systems numbered from 0. Moving a wake to a later moment costs nothing:
/// the system is looked at where it was and moved then.
#[derive(Debug)]
pub struct Wheel {
    /// The first system of each slot.
    slots: Vec<u32>,
    waits: Vec<Wait>,
    /// The first slot that has not been looked at, counted from 1970.
    next: u64,
}

/// Where a system waits: a slot of this turn, and its neighbours there.
#[derive(Clone, Copy, Debug)]
struct Wait {
    slot: u16,
    before: u32,
    after: u32,
}

impl Wheel {
    /// A wheel that begins to turn at `begin`.
    #[must_use]
    pub fn new(begin: Millis) -> Self {
        Self { slots: vec![NONE; SLOTS as usize], waits: Vec::new(), next: slot_at(begin) }
    }

    /// How far it has turned when it is `now`: a slot is over when its last millisecond is. The same for every wheel.
    #[must_use]
    pub fn turned(now: Millis) -> Millis {
        Millis(slot_at(now) as i64 * SLOT_MS - 1)
    }

    /// Looks at a system at `due` or up to 32 ms later, if it was not going to earlier.
    #[inline]
    pub fn wake(&mut self, system: u32, due: Millis) {
        let place = system as usize;
        if place >= self.waits.len() {
            self.waits.resize(place + 1, Wait { slot: NOWHERE, before: NONE, after: NONE });
        }
        let slot = self.slot_of(due);
        let known = self.waits[place].slot;
        if known == NOWHERE || self.ahead(slot) < self.ahead(known) {
            self.forget(system);
            let first = std::mem::replace(&mut self.slots[usize::from(slot)], system);
            self.waits[place] = Wait { slot, before: NONE, after: first };
            if let Some(first) = self.waits.get_mut(first as usize) {
                first.before = system;
            }
        }
    }

    /// No longer looks at a system.
    pub fn forget(&mut self, system: u32) {
        let Some(&Wait { slot, before, after }) =
            self.waits.get(system as usize).filter(|wait| wait.slot != NOWHERE)
        else {
            return;
        };
        match self.waits.get_mut(before as usize) {
            Some(wait) => wait.after = after,
            None => self.slots[usize::from(slot)] = after,
        }
        if let Some(wait) = self.waits.get_mut(after as usize) {
            wait.before = before;
        }
        self.waits[system as usize].slot = NOWHERE;
    }

    /// Looks at every system that is due by `now`. `look` is given the system and says when it wants to be looked at next;
    /// if that is not later than `now`, it is at the next turn.
    pub fn turn(&mut self, now: Millis, mut look: impl FnMut(u32) -> Option<Millis>) {
        let end = slot_at(now);
        // Nobody waits longer than a turn.
        let last = end.min(self.next + SLOTS);
        let mut far = Vec::new();
        while self.next < last {
            let slot = (self.next % SLOTS) as usize;
            self.next += 1;
            let mut system = std::mem::replace(&mut self.slots[slot], NONE);
            while let Some(wait) = self.waits.get_mut(system as usize) {
                let after = wait.after;
                wait.slot = NOWHERE;
                match look(system) {
                    Some(due) if last < end => far.push((system, due)),
                    Some(due) => self.wake(system, due.max(now)),
                    None => {}
                }
                system = after;
            }
        }
        self.next = self.next.max(end);
        for (system, due) in far {
            self.wake(system, due.max(now));
        }
    }

    /// Bytes that it takes up.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.waits.len() * size_of::<Wait>() + self.slots.len() * size_of::<u32>()
    }

    /// The slot for a moment: at least the next one, at most a turn ahead.
    fn slot_of(&self, due: Millis) -> u16 {
        (slot_at(due).clamp(self.next, self.next + SLOTS - 1) % SLOTS) as u16
    }

    /// How far ahead a slot is.
    fn ahead(&self, slot: u16) -> u64 {
        (u64::from(slot) + SLOTS - self.next % SLOTS) % SLOTS
    }
}

/// The slot that a moment is in.
fn slot_at(moment: Millis) -> u64 {
    (moment.0 / SLOT_MS).max(0) as u64
}
