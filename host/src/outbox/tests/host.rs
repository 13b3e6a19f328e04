//! What the tests need of a host: virtual time, a store of records, and a look at what came of it.

use std::collections::BTreeMap;

use serde_json::json;

use crate::outbox::{Destination, Finish, Job, Limits, Outbox, Owed, Record, State, StateKind, Verb};
use crate::time::Millis;

pub(super) const T0: Millis = Millis(1_800_000_000_000);

/// So many seconds after the beginning.
pub(super) fn at(seconds: f64) -> Millis {
    T0.plus_seconds(seconds)
}

pub(super) fn owed(key: &str, action: &str, lane: &str) -> Owed {
    Owed {
        key: key.to_owned(),
        action: action.to_owned(),
        lane: lane.to_owned(),
        system_id: Some(lane.to_owned()),
        detection_id: None,
        occasion: json!({"kind": "act", "title": key}),
        owed_at: T0,
        verb: Verb::Run,
        canary: false,
        asked_by: None,
    }
}

pub(super) fn policies<const N: usize>(policies: [(&str, Destination); N]) -> BTreeMap<String, Destination> {
    policies.into_iter().map(|(action, policy)| (action.to_owned(), policy)).collect()
}

pub(super) fn done() -> Finish {
    Finish::Done { summary: "told".to_owned() }
}

pub(super) fn failed() -> Finish {
    Finish::Failed { reason: "503".to_owned(), retry: true, after: None }
}

pub(super) fn refused() -> Finish {
    Finish::Failed { reason: "400".to_owned(), retry: false, after: None }
}

/// An outbox and the store of its records, which goes through JSON.
pub(super) struct Host {
    pub(super) outbox: Outbox,
    pub(super) destinations: BTreeMap<String, Destination>,
    pub(super) store: BTreeMap<u64, String>,
}

impl Host {
    pub(super) fn new(destinations: BTreeMap<String, Destination>) -> Self {
        Self { outbox: Outbox::new(destinations.clone()), destinations, store: BTreeMap::new() }
    }

    pub(super) fn with_limits(mut self, limits: Limits) -> Self {
        self.outbox = self.outbox.with_limits(limits);
        self
    }

    /// Owes at a time, with a fleet of 100 systems.
    pub(super) fn owe(&mut self, owed: Owed, now: Millis) -> bool {
        let new = self.outbox.owe(Owed { owed_at: now, ..owed }, now, 100).unwrap();
        self.write();
        new
    }

    /// The jobs to run now, written down before they are.
    pub(super) fn take(&mut self, now: Millis) -> Vec<Job> {
        let mut jobs = Vec::new();
        self.outbox.next_jobs(now, &mut jobs);
        self.write();
        jobs
    }

    /// The keys of the jobs to run now.
    pub(super) fn keys(&mut self, now: Millis) -> Vec<String> {
        self.take(now).into_iter().map(|job| job.owed.key.clone()).collect()
    }

    /// The only job to run now.
    pub(super) fn job(&mut self, now: Millis) -> Job {
        let mut jobs = self.take(now);
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        jobs.remove(0)
    }

    pub(super) fn finish(&mut self, seq: u64, finish: Finish, now: Millis) {
        self.outbox.finish(seq, finish, now).unwrap();
        self.write();
    }

    pub(super) fn write(&mut self) {
        for (seq, record) in self.outbox.changed() {
            match record {
                Some(record) => self.store.insert(seq, serde_json::to_string(&record).unwrap()),
                None => self.store.remove(&seq),
            };
        }
    }

    pub(super) fn records(&self) -> BTreeMap<u64, Record> {
        self.store.iter().map(|(&seq, text)| (seq, serde_json::from_str(text).unwrap())).collect()
    }

    /// Stops without a word, and goes on from what was written.
    pub(super) fn crash(&mut self, now: Millis) {
        self.outbox = Outbox::restore(self.records(), self.destinations.clone(), now);
        self.write();
    }

    pub(super) fn state(&self, key: &str) -> State {
        self.outbox.get(key).unwrap().1.standing.state.clone()
    }

    pub(super) fn kind(&self, key: &str) -> StateKind {
        self.state(key).kind()
    }

    /// The text of a state that has one.
    pub(super) fn why(&self, key: &str) -> String {
        match self.state(key) {
            State::Held { reason } | State::Dead { reason, .. } | State::Cancelled { reason, .. } => reason,
            State::Done { summary, .. } => summary,
            other => panic!("{key} is {other:?}"),
        }
    }
}
