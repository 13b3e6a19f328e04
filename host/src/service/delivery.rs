//! From what is owed to what is done: one thread looks at the desk, and tasks run the actions.
//!
//! The thread sleeps until something falls due, a try has ended, or somebody says that there is news. Tries run side by
//! side; how they ended is written down together.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;

use super::desk::{Finished, Went};
use super::tables::Tables;
use super::{Shared, lock};
use crate::catalog::Action;
use crate::catalog::config::Config;
use crate::limits::IDLE_INSTANCES_MAX;
use crate::outbox::{Job, Verb};
use crate::outside::{Capabilities, Means};
use crate::sandbox::ActionInstance;
use crate::sandbox::contract::ActionRequest;
use crate::store::StoreError;
use crate::time::Millis;

/// How long the thread sleeps at most.
const LOOK: Duration = Duration::from_millis(500);

/// What the thread is told.
pub(super) enum Told {
    /// Something new may be owed.
    News,
    /// A try has ended.
    Finished(Box<Finished>),
    /// End.
    Stop,
}

/// The thread's state.
pub(super) struct Delivery {
    pub(super) tables: Tables,
    pub(super) shared: Arc<Shared>,
    pub(super) crew: Arc<Crew>,
    pub(super) runtime: Handle,
    pub(super) told: Sender<Told>,
}

impl Delivery {
    /// Delivers until told to stop. Tries under way are not waited for: they are made again after the next start.
    pub(super) fn run(self, inbox: &Receiver<Told>) {
        let mut wait = Duration::ZERO;
        loop {
            let mut finished = Vec::new();
            let mut next = inbox.recv_timeout(wait);
            loop {
                match next {
                    Ok(Told::News) => {}
                    Ok(Told::Finished(one)) => finished.push(*one),
                    Ok(Told::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => break,
                }
                next = inbox.try_recv().map_err(|_| RecvTimeoutError::Timeout);
            }
            if self.shared.broken.get().is_some() {
                // What cannot be written down must not be done again and again.
                wait = LOOK;
                continue;
            }
            match self.look(finished) {
                Ok((jobs, due)) => {
                    for job in jobs {
                        self.begin(job);
                    }
                    let left = due.map_or(LOOK.as_secs_f64(), |due| due.seconds_since(Millis::now()));
                    wait = Duration::try_from_secs_f64(left).unwrap_or_default().min(LOOK);
                }
                Err(error) => {
                    let reason = super::chain(&error);
                    tracing::error!(error = reason, "what is owed could not be written down");
                    self.shared.broken.get_or_init(|| reason);
                }
            }
        }
    }

    fn look(&self, finished: Vec<Finished>) -> Result<(Vec<Job>, Option<Millis>), StoreError> {
        let mut jobs = Vec::new();
        let due = self.shared.transact(&self.tables, |desk, ledger, transaction| {
            let now = Millis::now();
            for one in finished {
                desk.finished(one, ledger, transaction, now)?;
            }
            desk.tick(&mut jobs, ledger, transaction, now)?;
            Ok::<_, StoreError>(desk.next_due())
        })?;
        Ok((jobs, due))
    }

    fn begin(&self, job: Job) {
        let (crew, told, shared) = (Arc::clone(&self.crew), self.told.clone(), Arc::clone(&self.shared));
        self.runtime.spawn(async move {
            let action = shared.catalog().actions.get(&job.owed.action).cloned();
            let started = std::time::Instant::now();
            let went = crew.run(action, &job).await;
            shared.telemetry.tried(&job.owed.action, matches!(went, Went::Well { .. }), started.elapsed());
            // The thread is gone only when the service is.
            drop(told.send(Told::Finished(Box::new(Finished { job, went }))));
        });
    }
}

/// Instances of actions that are not in use, by action, and what they reach the outside with.
pub(super) struct Crew {
    pub(super) means: ArcSwap<Means>,
    runtime: Handle,
    idle: Mutex<HashMap<(String, bool), Vec<Idle>>>,
}

struct Idle {
    action: Arc<Action>,
    means: Arc<Means>,
    instance: ActionInstance,
    capabilities: Capabilities,
}

impl Crew {
    pub(super) fn new(means: Arc<Means>, runtime: Handle) -> Self {
        Self { means: ArcSwap::new(means), runtime, idle: Mutex::default() }
    }

    /// What another configuration gives to reach the outside with, and what is wrong with it.
    pub(super) fn means_of(&self, config: &Config) -> (Arc<Means>, Vec<String>) {
        let _within = self.runtime.enter();
        let history = Arc::clone(&self.means.load().history);
        let (means, problems) = Means::new(&config.secrets, config.mail.as_ref(), history);
        (Arc::new(means), problems)
    }

    /// Runs one try.
    async fn run(&self, action: Option<Arc<Action>>, job: &Job) -> Went {
        let badly = |reason: String| Went::Badly { reason, retry: true, after_s: None };
        let Some(action) = action else {
            return badly(format!("action {} is not in force", job.owed.action));
        };
        let place = (job.owed.action.clone(), job.dry_run);
        let mut idle = match self.ready(&place, action).await {
            Ok(idle) => idle,
            Err(error) => return badly(error.to_string()),
        };
        let occasion = job.owed.occasion.to_string();
        let request = ActionRequest {
            idempotency_key: job.owed.idempotency_key(),
            attempt: job.attempt,
            now: Millis::now().seconds(),
            occasion: &occasion,
        };
        let answered = match job.owed.verb {
            Verb::Run => idle.instance.run(request).await,
            Verb::Undo => idle.instance.undo(request).await,
        };
        let would = job.dry_run.then(|| idle.capabilities.take_notes());
        if idle.instance.is_usable() {
            let mut all = lock(&self.idle);
            let others = all.entry(place).or_default();
            if others.len() < IDLE_INSTANCES_MAX {
                others.push(idle);
            }
        }
        match answered {
            Ok(Ok(outcome)) => Went::Well { summary: outcome.summary, effects: outcome.effects, would },
            Ok(Err(failure)) => {
                Went::Badly { reason: failure.reason, retry: failure.retry, after_s: failure.after_s }
            }
            Err(error) => badly(error.to_string()),
        }
    }

    /// An instance of the action as it is now.
    async fn ready(
        &self,
        place: &(String, bool),
        action: Arc<Action>,
    ) -> Result<Idle, crate::sandbox::LoadError> {
        let means = self.means.load_full();
        loop {
            let known = lock(&self.idle).get_mut(place).and_then(Vec::pop);
            match known {
                Some(idle) if Arc::ptr_eq(&idle.action, &action) && Arc::ptr_eq(&idle.means, &means) => {
                    return Ok(idle);
                }
                Some(_) => {}
                None => break,
            }
        }
        let (instance, capabilities) = action.instance(&means, place.1).await?;
        Ok(Idle { action, means, instance, capabilities })
    }
}
