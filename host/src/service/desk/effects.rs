//! What actions want done in Lapwing itself. It is done once, with noting that the action is done.

use super::{BlockEntry, Desk, LAPWING};
use crate::alerts::Change;
use crate::detections::{AttachmentRef, Case};
use crate::limits::ATTACHMENTS_MAX;
use crate::outbox::Owed;
use crate::sandbox::contract::{Attachment, Effect};
use crate::service::ledger::Ledger;
use crate::service::transaction::Transaction;
use crate::store::StoreError;
use crate::time::Millis;

impl Desk {
    /// Carries effects out. Gives the time until which a report is awaited, if one is.
    pub(super) fn take_effect(
        &mut self,
        owed: &Owed,
        effects: Vec<Effect>,
        ledger: &mut Ledger,
        transaction: &mut Transaction<'_>,
        now: Millis,
    ) -> Result<Option<Millis>, StoreError> {
        let mut until = None;
        for effect in effects {
            match effect {
                Effect::AwaitReport(seconds) => until = Some(now.plus_seconds(f64::from(seconds))),
                Effect::Block(entry) => {
                    let entry = BlockEntry {
                        subject: entry.subject,
                        reason: entry.reason,
                        since: now,
                        until: now.plus_seconds(f64::from(entry.lasts_s)),
                        detection_id: owed.detection_id,
                    };
                    if !self.blocks.block(entry, transaction)? {
                        tracing::error!("the block list is full");
                    }
                }
                Effect::Unblock(subject) => {
                    self.blocks.unblock(&subject, transaction)?;
                }
                Effect::Attach(attachment) => attach(owed, attachment, transaction, now)?,
                Effect::Escalate(escalation) => {
                    let Some(id) = owed.detection_id else { continue };
                    let (level, audience) = (escalation.level, escalation.audience);
                    let raise = |case: &mut Case, _: &_| {
                        case.level = case.level.max(level);
                        let further: Vec<String> =
                            audience.iter().filter(|name| !case.audience.contains(name)).cloned().collect();
                        case.audience.extend(further);
                        let whom = audience.join(", ");
                        case.note(now, LAPWING, "escalated", Some(format!("to level {level}: {whom}")));
                        Ok::<_, StoreError>(())
                    };
                    ledger.change(id, transaction, raise)?.transpose()?;
                    // Somebody who cannot be told must not keep the others from hearing of it.
                    let (known, unknown): (Vec<_>, Vec<_>) =
                        audience.into_iter().partition(|name| self.catalog.actions.contains_key(name));
                    if !unknown.is_empty() {
                        let note = format!("there is no action {}", unknown.join(", "));
                        transaction.case(id)?.note(now, LAPWING, "action_refused", Some(note));
                    }
                    self.change(Change::Escalated { id, level, audience: known }, ledger, transaction, now)?;
                }
            }
        }
        Ok(until)
    }
}

/// Attaches a document to the detection; one of the same name is replaced.
fn attach(
    owed: &Owed,
    attachment: Attachment,
    transaction: &mut Transaction<'_>,
    now: Millis,
) -> Result<(), StoreError> {
    let Some(id) = owed.detection_id else { return Ok(()) };
    let Attachment { name, media_type, content } = attachment;
    let key = Case::attachment_key(id, &name);
    let size = content.len() as u64;
    let case = transaction.case(id)?;
    case.attachments.retain(|known| known.name != name);
    if case.attachments.len() >= ATTACHMENTS_MAX {
        let note = format!("{name} was not attached: {ATTACHMENTS_MAX} documents are");
        case.note(now, LAPWING, "action_refused", Some(note));
        return Ok(());
    }
    case.attachments.push(AttachmentRef { name, media_type, size, at: now });
    transaction.tables.attachments.put_with(&mut transaction.writes, &key, &content)
}
