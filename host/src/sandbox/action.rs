//! Instances of actions. They wait for others, so their calls are awaited and hold no thread while they wait.
//!
//! Two clocks run. The whole call, waiting included, has the deadline of its [`Capabilities`]. What the component itself
//! computes is counted in epochs: at each one that passes while it runs, it lets other tasks go first, and after so many
//! it is interrupted. A plain deadline in epochs would also count those that pass while it waits.

use std::time::Duration;

use tokio::time::error::Elapsed;
use wasmtime::{Store, UpdateDeadline};

use super::contract::action::exports::lapwing::plugin::action as wit;
use super::contract::action::{ActionPlugin, ActionPluginPre};
use super::contract::{ActionOutcome, ActionRequest, Effect, Failure};
use super::error::{CallError, LoadError};
use super::instance::{Instance, begin, cut, failed, store};
use super::plugin::{Kind, Plugin};
use crate::limits::{
    ACTION_ANSWER_BYTES_MAX, ACTION_COMPUTE_MAX, AUDIENCE_MAX, CONFIGURE_DEADLINE, EFFECT_LASTS_S_MAX,
    EFFECT_TEXT_BYTES_MAX, EFFECTS_MAX, EPOCH,
};
use crate::outside::{Capabilities, Session, Usage};

pub use wit::Descriptor;

/// A configured action with its own memory.
pub struct ActionInstance {
    store: Store<Instance>,
    bindings: ActionPlugin,
    /// False from the beginning of a call until it has ended well, so that a call that is given up leaves it false.
    usable: bool,
}

impl Plugin {
    /// Makes an instance and configures it with `settings`, a JSON object. While it is configured it reaches nothing;
    /// from then on it may do what `capabilities` say.
    ///
    /// # Errors
    /// The plugin is no action, does not start, or refuses the settings.
    pub async fn action(
        &self,
        settings: &str,
        capabilities: Capabilities,
    ) -> Result<(ActionInstance, Descriptor), LoadError> {
        const FUNCTION: &str = "configure";
        if self.kind != Kind::Action {
            return Err(LoadError::WrongKind { found: self.kind, expected: Kind::Action });
        }
        let mut store = store(self.instance_pre.engine(), &self.name, &self.quota);
        store.epoch_deadline_callback(|mut context| {
            let left = &mut context.data_mut().epochs_left;
            *left = left.saturating_sub(1);
            Ok(match *left {
                0 => UpdateDeadline::Interrupt,
                _ => UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())),
            })
        });
        begin_counted(&mut store, CONFIGURE_DEADLINE);
        let configuring = async {
            let bindings =
                ActionPluginPre::new(self.instance_pre.clone())?.instantiate_async(&mut store).await?;
            let answer = bindings.lapwing_plugin_action().call_configure(&mut store, settings).await?;
            wasmtime::Result::Ok((bindings, answer))
        };
        let ended = tokio::time::timeout(CONFIGURE_DEADLINE, configuring).await;
        let (bindings, answer) =
            answered(&mut store, FUNCTION, CONFIGURE_DEADLINE, CONFIGURE_DEADLINE, ended)
                .map_err(LoadError::Configure)?;
        let refused =
            |reason| LoadError::Configure(CallError::Refused { function: FUNCTION, reason: cut(reason) });
        let descriptor = answer.map_err(refused)?;
        store.data_mut().outside = Some(Session::new(capabilities));
        Ok((ActionInstance { store, bindings, usable: true }, descriptor))
    }
}

impl ActionInstance {
    /// Acts.
    ///
    /// # Errors
    /// There was no answer, or one against the contract. That the action itself failed is an answer.
    pub async fn run(
        &mut self,
        request: ActionRequest<'_>,
    ) -> Result<Result<ActionOutcome, Failure>, CallError> {
        const FUNCTION: &str = "run";
        let deadline = self.begin(FUNCTION)?;
        let call = self.bindings.lapwing_plugin_action().call_run(&mut self.store, request);
        let ended = tokio::time::timeout(deadline, call).await;
        self.end(FUNCTION, deadline, ended)
    }

    /// Takes back what [`run`](Self::run) did for the same idempotency key.
    ///
    /// # Errors
    /// As of [`run`](Self::run).
    pub async fn undo(
        &mut self,
        request: ActionRequest<'_>,
    ) -> Result<Result<ActionOutcome, Failure>, CallError> {
        const FUNCTION: &str = "undo";
        let deadline = self.begin(FUNCTION)?;
        let call = self.bindings.lapwing_plugin_action().call_undo(&mut self.store, request);
        let ended = tokio::time::timeout(deadline, call).await;
        self.end(FUNCTION, deadline, ended)
    }

    /// What the last call took of the outside, however it ended.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.store.data().outside.as_ref().map(Session::usage).unwrap_or_default()
    }

    /// Whether it can be called again: no call of it has trapped, run out of time or been given up.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// Begins a call and says how long it may take.
    fn begin(&mut self, function: &'static str) -> Result<Duration, CallError> {
        if !std::mem::take(&mut self.usable) {
            return Err(CallError::Gone { function });
        }
        begin_counted(&mut self.store, ACTION_COMPUTE_MAX);
        let outside = self.store.data_mut().outside.as_mut().ok_or(CallError::Gone { function })?;
        outside.begin();
        Ok(outside.deadline())
    }

    fn end(
        &mut self,
        function: &'static str,
        deadline: Duration,
        ended: Result<wasmtime::Result<Result<ActionOutcome, Failure>>, Elapsed>,
    ) -> Result<Result<ActionOutcome, Failure>, CallError> {
        let mut answer = answered(&mut self.store, function, deadline, ACTION_COMPUTE_MAX, ended)?;
        self.usable = true;
        let checked = match &answer {
            Ok(outcome) => check(outcome),
            Err(failure) => check_failure(failure),
        };
        checked.map_err(|reason| CallError::BadAnswer { function, reason })?;
        let words = match &mut answer {
            Ok(outcome) => &mut outcome.summary,
            Err(failure) => &mut failure.reason,
        };
        let text = std::mem::take(words);
        let outside = self.store.data().outside.as_ref();
        *words = cut(match outside {
            Some(outside) => outside.redact(text),
            None => text,
        });
        Ok(answer)
    }
}

/// Begins a call that may compute for so long.
fn begin_counted(store: &mut Store<Instance>, compute: Duration) {
    begin(store, ACTION_ANSWER_BYTES_MAX);
    // One more: the epoch under way is part over.
    store.data_mut().epochs_left = compute.as_millis().div_ceil(EPOCH.as_millis()) as u64 + 1;
    store.set_epoch_deadline(1);
}

fn answered<T>(
    store: &mut Store<Instance>,
    function: &'static str,
    deadline: Duration,
    compute: Duration,
    ended: Result<wasmtime::Result<T>, Elapsed>,
) -> Result<T, CallError> {
    match ended {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            let out_of_time = CallError::Computed { function, limit: compute };
            Err(failed(store, function, ACTION_ANSWER_BYTES_MAX, &error, out_of_time))
        }
        Err(_) => Err(CallError::Deadline { function, deadline }),
    }
}

/// What the contract asks of an outcome beyond its types.
fn check(outcome: &ActionOutcome) -> Result<(), String> {
    if outcome.effects.len() > EFFECTS_MAX {
        return Err(format!("{} effects, at most {EFFECTS_MAX} are allowed", outcome.effects.len()));
    }
    outcome.effects.iter().try_for_each(check_effect)
}

fn check_effect(effect: &Effect) -> Result<(), String> {
    match effect {
        Effect::Escalate(escalation) => {
            if escalation.level == 0 {
                return Err("an escalation to level 0; levels begin at 1".to_owned());
            }
            if escalation.audience.len() > AUDIENCE_MAX {
                let names = escalation.audience.len();
                return Err(format!("an audience of {names} names, at most {AUDIENCE_MAX} are allowed"));
            }
            escalation.audience.iter().try_for_each(|name| check_name("a name in an audience", name))
        }
        Effect::Block(entry) => {
            check_name("the subject of a block", &entry.subject)?;
            check_length("the reason of a block", &entry.reason)?;
            check_lasts("a block", entry.lasts_s)
        }
        Effect::Unblock(subject) => check_name("the subject of an unblock", subject),
        Effect::Attach(attachment) => {
            check_name("the name of an attachment", &attachment.name)?;
            check_name("the media type of an attachment", &attachment.media_type)
        }
        Effect::AwaitReport(seconds) => check_lasts("the wait for a report", *seconds),
    }
}

fn check_name(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() { Err(format!("{what} is empty")) } else { check_length(what, text) }
}

fn check_length(what: &str, text: &str) -> Result<(), String> {
    match text.len() {
        ..=EFFECT_TEXT_BYTES_MAX => Ok(()),
        length => Err(format!("{what} has {length} bytes, at most {EFFECT_TEXT_BYTES_MAX} are allowed")),
    }
}

fn check_lasts(what: &str, seconds: u32) -> Result<(), String> {
    if (1..=EFFECT_LASTS_S_MAX).contains(&seconds) {
        Ok(())
    } else {
        Err(format!("{what} lasts {seconds} s, from 1 to {EFFECT_LASTS_S_MAX} is allowed"))
    }
}

fn check_failure(failure: &Failure) -> Result<(), String> {
    match failure.after_s {
        Some(after) if !after.is_finite() || after < 0.0 => {
            Err(format!("a failure that is to be tried again after {after} s"))
        }
        _ => Ok(()),
    }
}
