//! What people do with detections.

use serde_json::Value;
use uuid::Uuid;

use super::{ChangeError, Service};
use crate::access::Principal;
use crate::detections::{Case, Misplaced, Move};
use crate::limits::NOTE_BYTES_MAX;
use crate::time::Millis;

/// Why a move was not made: it makes no sense, or the store did not take it.
enum NotMoved {
    Misplaced(Misplaced),
    Store(crate::store::StoreError),
}

impl From<crate::store::StoreError> for NotMoved {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Store(error)
    }
}

impl Service {
    /// Makes a person's move, and gives the detection as it is then.
    ///
    /// # Errors
    /// There is no such detection, or the move makes no sense as things stand.
    pub fn make_move(
        &self,
        id: Uuid,
        step: &Move,
        note: Option<&str>,
        by: &Principal,
    ) -> Result<Value, ChangeError> {
        if let Some(note) = note.filter(|note| note.len() > NOTE_BYTES_MAX) {
            let problem = format!("note has {} bytes, at most {NOTE_BYTES_MAX} are allowed", note.len());
            return Err(ChangeError::Invalid { kind: "invalid-request", problems: vec![problem] });
        }
        let unknown = || ChangeError::Unknown { what: "detection", name: id.to_string() };
        let before = self.detection(id).ok_or_else(unknown)?;
        let at = Millis::now();
        let made = self.shared.transact(&self.tables, |desk, ledger, transaction| {
            let change = |case: &mut Case, header: &super::tables::Header| {
                case.apply(step, note.map(str::to_owned), &by.name, at, header.of_samples)
            };
            match ledger.change(id, transaction, change)? {
                Some(Ok(())) => desk.moved(id, step, by, ledger, transaction, at).map_err(NotMoved::Store),
                Some(Err(misplaced)) => Err(NotMoved::Misplaced(misplaced)),
                None => Ok(()),
            }
        });
        self.shared.news();
        match made {
            Ok(()) => {}
            Err(NotMoved::Misplaced(misplaced)) => return Err(refused(misplaced)),
            Err(NotMoved::Store(error)) => return Err(error.into()),
        }
        let after = self.detection(id).ok_or_else(unknown)?;
        self.note(by, "detection.move", &id.to_string(), &stand(&before), &stand(&after))?;
        Ok(after)
    }

    /// What an action attached to a detection: its media type and its bytes.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn attachment(&self, id: Uuid, name: &str) -> Result<Option<(String, Vec<u8>)>, ChangeError> {
        let case = self.tables.cases.get(&id)?.unwrap_or_default();
        let Some(attachment) = case.attachments.into_iter().find(|attachment| attachment.name == name) else {
            return Ok(None);
        };
        let content = self.tables.attachments.get(&Case::attachment_key(id, name))?;
        Ok(content.map(|content| (attachment.media_type, content)))
    }
}

fn refused(misplaced: Misplaced) -> ChangeError {
    let detail = misplaced.to_string();
    match misplaced {
        Misplaced::NoWords => ChangeError::Invalid { kind: "invalid-request", problems: vec![detail] },
        Misplaced::Over | Misplaced::NotOver | Misplaced::NotAcknowledged => {
            ChangeError::Conflict { kind: "misplaced-move", detail, members: serde_json::Map::new() }
        }
    }
}

/// What of a detection people can change, for the audit log.
fn stand(detection: &Value) -> Value {
    let keys = ["status", "acknowledged", "assignee", "resolved_at", "resolution_notes"];
    keys.into_iter()
        .map(|key| (key.to_owned(), detection[key].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
