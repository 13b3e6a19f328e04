//! How tries of actions went.

use serde_json::json;
use uuid::Uuid;

use super::{Desk, LAPWING};
use crate::catalog::{Action, ESCALATE};
use crate::outbox::{Finish, Job, Owed, State};
use crate::outside::Notes;
use crate::sandbox::contract::Effect;
use crate::service::ledger::Ledger;
use crate::service::transaction::Transaction;
use crate::store::StoreError;
use crate::time::Millis;

/// A try that has ended.
pub(in crate::service) struct Finished {
    pub(in crate::service) job: Job,
    pub(in crate::service) went: Went,
}

/// How it ended.
pub(in crate::service) enum Went {
    /// The action did what it does. In a dry run, what would have left.
    Well { summary: String, effects: Vec<Effect>, would: Option<Notes> },
    /// It did not.
    Badly { reason: String, retry: bool, after_s: Option<f64> },
}

impl Desk {
    /// A try has ended: its effects take place, and the outbox goes on.
    pub(in crate::service) fn finished(
        &mut self,
        finished: Finished,
        ledger: &mut Ledger,
        transaction: &mut Transaction<'_>,
        now: Millis,
    ) -> Result<(), StoreError> {
        let Finished { job, went } = finished;
        let finish = match went {
            Went::Well { summary, would: Some(notes), .. } => {
                Finish::Done { summary: format!("dry run: {summary} ({notes})") }
            }
            Went::Well { summary, effects, would: None } => {
                let until = self.take_effect(&job.owed, effects, ledger, transaction, now)?;
                match until {
                    Some(until) => Finish::AwaitReport { until },
                    None => Finish::Done { summary },
                }
            }
            Went::Badly { reason, retry, after_s } => {
                Finish::Failed { reason, retry, after: after_s.map(|after_s| now.plus_seconds(after_s)) }
            }
        };
        if let Err(error) = self.outbox.finish(job.seq, finish, now) {
            tracing::error!(%error, key = job.owed.key, "a try has ended that the outbox does not know");
        }
        self.tell_of(&job.owed, job.attempt, transaction, now)
    }

    /// Notes how an owed action stands, where that is worth a line: messages are delivered, other actions done.
    pub(in crate::service) fn tell_of(
        &mut self,
        owed: &Owed,
        attempt: u32,
        transaction: &mut Transaction<'_>,
        now: Millis,
    ) -> Result<(), StoreError> {
        let Some((_, record)) = self.outbox.get(&owed.key) else { return Ok(()) };
        let standing = &record.standing;
        let is_message = owed.occasion["kind"] != "act" && owed.action != ESCALATE;
        let words = |of_message, of_action| if is_message { of_message } else { of_action };
        let kind = standing.state.kind();
        let (what, said) = match &standing.state {
            State::Done { summary, .. } => (words("delivered", "action_done"), summary.as_str()),
            State::Dead { reason, .. } => (words("undeliverable", "action_dead"), reason.as_str()),
            State::Awaiting { .. } => ("action_started", "its report is awaited"),
            _ if attempt == 1 => {
                let failure = standing.last_failure.as_deref();
                (words("delivery_failed", "action_failed"), failure.unwrap_or("it will be tried again"))
            }
            _ => return Ok(()),
        };
        let note = format!("{}: {said}", owed.action);
        let event = json!({
            "key": owed.key,
            "action_id": owed.action,
            "state": kind,
            "attempts": standing.attempts,
            "detection_id": owed.detection_id,
            "note": note,
        });
        if owed.canary {
            if !matches!(standing.state, State::Done { .. }) {
                transaction.tell("canary_failed", event);
            }
            return Ok(());
        }
        let of_group = owed.occasion["detections"].as_array().into_iter().flatten();
        let ids = of_group.filter_map(|detection| detection["detection_id"].as_str()?.parse().ok());
        let ids: Vec<Uuid> = owed.detection_id.map_or_else(|| ids.collect(), |id| vec![id]);
        for id in ids {
            transaction.case(id)?.note(now, LAPWING, what, Some(note.clone()));
        }
        transaction.tell(what, event);
        Ok(())
    }
}

/// Whether an action can be taken back.
pub(in crate::service) fn undoes(action: Option<&std::sync::Arc<Action>>) -> bool {
    action.is_some_and(|action| action.undoes)
}
