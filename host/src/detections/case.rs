//! What people and actions make of a detection: who has it, what was tried, how it was closed.
//!
//! Samples say whether the trouble is there; a case says what is done about it. The status is made of both.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::limits::CASE_ENTRIES_MAX;
use crate::model::Status;
use crate::time::Millis;

/// The case of one detection. The default is that of a detection that nobody has touched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Case {
    /// Who has it.
    pub acknowledged: Option<Signed>,
    /// Whose it is.
    pub assignee: Option<String>,
    /// How far it was escalated; 0: not.
    pub level: u32,
    /// Actions that send, added by escalation to those of the route.
    pub audience: Vec<String>,
    /// A person said that it is over, or never was.
    pub closed: Option<Closed>,
    /// A person said that it is not over, whatever the samples show.
    pub held_open: Option<Signed>,
    /// It comes and goes; notifications are held.
    pub flapping: bool,
    /// Documents that actions attached.
    pub attachments: Vec<AttachmentRef>,
    /// What happened, oldest first.
    pub history: Vec<Entry>,
    /// Entries after the first that were let go of, because there were too many.
    pub entries_gone: u64,
}

/// Who did it, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signed {
    /// Who.
    pub by: String,
    /// When.
    pub at: Millis,
}

/// How a person closed a detection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Closed {
    /// `resolved` or `false_positive`.
    pub status: Status,
    /// Who.
    pub by: String,
    /// When.
    pub at: Millis,
    /// Why.
    pub note: Option<String>,
}

/// A document that an action attached, by its place in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttachmentRef {
    /// `performance.json`
    pub name: String,
    /// `application/json`
    pub media_type: String,
    /// In bytes.
    pub size: u64,
    /// When.
    pub at: Millis,
}

/// One line of a detection's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Millis,
    /// Who: a person, or `lapwing`.
    pub by: String,
    /// What: `opened`, `acknowledged`, `silenced`, `notified`, `action_done`.
    pub what: String,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a person does with a detection.
#[derive(Clone, Debug, PartialEq)]
pub enum Move {
    /// "I have it."
    Acknowledge,
    /// "I no longer do."
    Unacknowledge,
    /// It is somebody's, or nobody's.
    Assign(Option<String>),
    /// Something to remember.
    Comment,
    /// It is over.
    Resolve,
    /// It never was a trouble.
    FalsePositive,
    /// It is not over.
    Reopen,
}

/// Why a move was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misplaced {
    /// It is over.
    #[error("the detection is over; reopen it first")]
    Over,
    /// It is not over.
    #[error("the detection is not over")]
    NotOver,
    /// It is not acknowledged.
    #[error("the detection is not acknowledged")]
    NotAcknowledged,
    /// A comment without words.
    #[error("a comment needs a note")]
    NoWords,
}

impl Case {
    /// Where a detection stands, whose samples say this.
    #[must_use]
    pub fn status(&self, of_samples: Status) -> Status {
        match (&self.closed, of_samples) {
            (Some(closed), _) => closed.status,
            (None, Status::Resolved) if self.held_open.is_none() => Status::Resolved,
            _ if self.acknowledged.is_some() => Status::Investigating,
            _ if self.level > 0 => Status::Escalated,
            _ => Status::Active,
        }
    }

    /// When it was over, if it is; `ended`: when samples showed that.
    #[must_use]
    pub fn ended(&self, ended: Option<Millis>) -> Option<Millis> {
        match &self.closed {
            Some(closed) => Some(ended.map_or(closed.at, |ended| ended.min(closed.at))),
            None => ended.filter(|_| self.held_open.is_none()),
        }
    }

    /// Makes a person's move. `of_samples` is what the samples say.
    ///
    /// # Errors
    /// The move makes no sense as things stand; nothing has changed.
    pub fn apply(
        &mut self,
        step: &Move,
        note: Option<String>,
        by: &str,
        at: Millis,
        of_samples: Status,
    ) -> Result<(), Misplaced> {
        let over = matches!(self.status(of_samples), Status::Resolved | Status::FalsePositive);
        let signed = || Signed { by: by.to_owned(), at };
        let closed = |status| Some(Closed { status, by: by.to_owned(), at, note: note.clone() });
        let what = match step {
            Move::Acknowledge | Move::Resolve if over => return Err(Misplaced::Over),
            Move::Reopen if !over => return Err(Misplaced::NotOver),
            Move::Unacknowledge if self.acknowledged.is_none() => return Err(Misplaced::NotAcknowledged),
            Move::Comment if note.as_deref().is_none_or(str::is_empty) => return Err(Misplaced::NoWords),
            Move::Acknowledge => {
                self.acknowledged = Some(signed());
                "acknowledged"
            }
            Move::Unacknowledge => {
                self.acknowledged = None;
                "unacknowledged"
            }
            Move::Assign(to) => {
                self.assignee.clone_from(to);
                "assigned"
            }
            Move::Comment => "comment",
            Move::Resolve => {
                self.closed = closed(Status::Resolved);
                self.held_open = None;
                "resolved"
            }
            Move::FalsePositive => {
                self.closed = closed(Status::FalsePositive);
                self.held_open = None;
                "false_positive"
            }
            Move::Reopen => {
                self.closed = None;
                self.held_open = (of_samples == Status::Resolved).then(signed);
                "reopened"
            }
        };
        let words = match step {
            Move::Assign(Some(to)) => {
                Some(note.map_or(format!("to {to}"), |note| format!("to {to}: {note}")))
            }
            _ => note,
        };
        self.note(at, by, what, words);
        Ok(())
    }

    /// Samples have shown something new: what a person said about the time before no longer holds. A false positive stays
    /// one: it was said of this trouble, and this is it.
    pub fn samples_changed(&mut self, came_back: bool) {
        self.held_open = None;
        if came_back && self.closed.as_ref().is_some_and(|closed| closed.status == Status::Resolved) {
            self.closed = None;
            self.acknowledged = None;
        }
    }

    /// Remembers a line.
    pub fn note(&mut self, at: Millis, by: &str, what: &str, note: Option<String>) {
        if self.history.len() >= CASE_ENTRIES_MAX {
            self.history.remove(1);
            self.entries_gone += 1;
        }
        self.history.push(Entry { at, by: by.to_owned(), what: what.to_owned(), note });
    }

    /// The key under which an attachment is kept.
    #[must_use]
    pub fn attachment_key(detection: Uuid, name: &str) -> String {
        format!("{}/{name}", detection.simple())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_000);

    fn after(steps: &[Move], of_samples: Status) -> Result<Status, Misplaced> {
        let mut case = Case::default();
        for step in steps {
            case.apply(step, Some("because".to_owned()), "ann", NOW, of_samples)?;
        }
        Ok(case.status(of_samples))
    }

    #[test]
    fn a_status_is_what_samples_and_people_say() {
        use Move::{Acknowledge, FalsePositive, Reopen, Resolve, Unacknowledge};
        use Status::{Active, Investigating};
        assert_eq!(after(&[], Active), Ok(Active));
        assert_eq!(after(&[Acknowledge], Active), Ok(Investigating));
        assert_eq!(after(&[Acknowledge, Unacknowledge], Active), Ok(Active));
        assert_eq!(after(&[Resolve], Active), Ok(Status::Resolved));
        assert_eq!(after(&[Resolve, Reopen], Active), Ok(Active));
        assert_eq!(after(&[FalsePositive], Status::Resolved), Ok(Status::FalsePositive));
        assert_eq!(after(&[Reopen], Status::Resolved), Ok(Active));
        assert_eq!(after(&[Acknowledge], Status::Resolved), Err(Misplaced::Over));
        assert_eq!(after(&[Reopen], Active), Err(Misplaced::NotOver));
        assert_eq!(after(&[Unacknowledge], Active), Err(Misplaced::NotAcknowledged));
    }

    #[test]
    fn what_came_back_is_nobodys_but_a_false_positive_stays_one() {
        for (step, status) in [(Move::Resolve, Status::Active), (Move::FalsePositive, Status::FalsePositive)]
        {
            let mut case = Case::default();
            case.apply(&step, None, "ann", NOW, Status::Active).unwrap();
            case.samples_changed(true);
            assert_eq!(case.status(Status::Active), status);
        }
    }

    #[test]
    fn a_long_history_keeps_how_it_began() {
        let mut case = Case::default();
        for line in 0..CASE_ENTRIES_MAX + 5 {
            case.note(NOW, "lapwing", &line.to_string(), None);
        }
        assert_eq!((case.history.len(), case.entries_gone), (CASE_ENTRIES_MAX, 5));
        assert_eq!((&*case.history[0].what, &*case.history[1].what), ("0", "6"));
    }
}
