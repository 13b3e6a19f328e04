//! What the other side says of a job that the action left to it.

use serde::{Deserialize, Serialize};

use super::error::OutboxError;
use super::owing::Outbox;
use super::record::{State, StateKind, clip};
use crate::time::Millis;

/// How a job gets on, as the other side says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// How far it is.
    pub state: ReportState,
    /// In words.
    #[serde(default)]
    pub note: String,
}

/// How far a job is on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportState {
    /// Still at it. The time within which it has to end stays the same.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly. The job is a dead letter.
    Failed,
}

impl Outbox {
    /// Takes in a report. One that comes before the action's own answer is kept, and counts once the answer says that a
    /// report is to be awaited.
    ///
    /// # Errors
    /// The key is unknown, or no report is awaited for it: it was never tried, or it is over.
    pub fn report(&mut self, key: &str, report: Report, now: Millis) -> Result<(), OutboxError> {
        let (seq, job) = self.find_mut(key)?;
        let standing = &mut job.record.standing;
        let found = standing.state.kind();
        let is_tried = standing.attempts > 0;
        match found {
            StateKind::Awaiting | StateKind::UnderWay => {}
            StateKind::Waiting if is_tried => {}
            _ => {
                let expected = "under way, or awaiting a report";
                return Err(OutboxError::WrongState { key: key.to_owned(), found, expected });
            }
        }
        let report = Report { note: clip(report.note), ..report };
        if report.state == ReportState::Running {
            standing.progress = Some(report.note);
        } else if found == StateKind::Awaiting {
            self.conclude(seq, report, now);
            return Ok(());
        } else {
            standing.early = Some(report);
        }
        self.note_change(seq);
        Ok(())
    }

    /// Ends a job whose report is there.
    pub(super) fn conclude(&mut self, seq: u64, report: Report, now: Millis) {
        let next = match report.state {
            ReportState::Failed => {
                State::Dead { at: now, reason: clip(format!("reported as failed: {}", report.note)) }
            }
            ReportState::Running | ReportState::Succeeded => State::Done { at: now, summary: report.note },
        };
        self.shift(seq, next, now);
    }
}
