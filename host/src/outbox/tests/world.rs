//! A world in which anything may happen to an outbox, and what has to hold after each step.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;

use super::host::{Host, T0, done, failed, owed, policies, refused};
use crate::outbox::{
    Approval, Blast, BreakerState, Destination, Finish, Job, Outbox, Owed, Report, ReportState, StateKind,
};
use crate::time::Millis;

pub(super) const ACTIONS: [&str; 3] = ["page", "mail", "block"];

/// What may happen to an outbox. Numbers choose among what there is at the moment.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Owe {
        action: usize,
        lane: u8,
    },
    Take,
    Finish {
        which: usize,
        how: How,
    },
    Report {
        which: usize,
        well: bool,
    },
    Approve(usize),
    Cancel(usize),
    Replay(usize),
    Adopt,
    Pass(i64),
    /// The host stops: what it did not write is lost, and what runs is cut short.
    Crash,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum How {
    Done,
    Await,
    Failed,
    Refused,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let how = prop_oneof![
        3 => Just(How::Done), 1 => Just(How::Await), 3 => Just(How::Failed), 1 => Just(How::Refused)
    ];
    prop_oneof![
        8 => (0..ACTIONS.len(), 0..4_u8).prop_map(|(action, lane)| Step::Owe { action, lane }),
        6 => Just(Step::Take),
        8 => (any::<usize>(), how).prop_map(|(which, how)| Step::Finish { which, how }),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(which, well)| Step::Report { which, well }),
        2 => any::<usize>().prop_map(Step::Approve),
        1 => any::<usize>().prop_map(Step::Cancel),
        1 => any::<usize>().prop_map(Step::Replay),
        1 => Just(Step::Adopt),
        4 => prop_oneof![0..2000_i64, 0..400_000_i64].prop_map(Step::Pass),
        1 => Just(Step::Crash),
    ]
}

pub(super) fn destinations() -> BTreeMap<String, Destination> {
    let blast = Some(Blast { share: 1.0, count: 2, window_s: 60.0 });
    policies([
        (
            "page",
            Destination { concurrency: 2, attempts_max: 4, breaker_failures: 3, ..Destination::default() },
        ),
        ("mail", Destination { concurrency: 3, give_up_after_s: 200.0, blast, ..Destination::default() }),
        (
            "block",
            Destination { approval: Approval::SecondPerson, attempts_max: 2, ..Destination::default() },
        ),
    ])
}

/// A host, and what the laws are about.
pub(super) struct World {
    pub(super) host: Host,
    pub(super) now: Millis,
    pub(super) owed: Vec<Owed>,
    pub(super) running: Vec<Job>,
    /// Attempts of each key that were seen.
    attempts: HashMap<String, u32>,
    /// Keys in the order in which they were first done.
    done: Vec<String>,
    replayed: BTreeSet<String>,
}

impl World {
    pub(super) fn new() -> Self {
        let host = Host::new(destinations());
        let (owed, running, done) = (Vec::new(), Vec::new(), Vec::new());
        Self { host, now: T0, owed, running, attempts: HashMap::new(), done, replayed: BTreeSet::new() }
    }

    fn key(&self, which: usize) -> Option<String> {
        (!self.owed.is_empty()).then(|| self.owed[which % self.owed.len()].key.clone())
    }

    pub(super) fn step(&mut self, step: &Step) {
        let now = self.now;
        match *step {
            Step::Owe { action, lane } => {
                let (action, lane) = (ACTIONS[action], format!("lane-{lane}"));
                let owed = owed(&format!("key-{}", self.owed.len()), action, &lane);
                assert!(self.host.owe(owed.clone(), now));
                assert!(!self.host.owe(owed.clone(), now));
                self.owed.push(owed);
            }
            Step::Take => self.take(),
            Step::Finish { which, how } => self.finish(which, how),
            Step::Report { which, well } => {
                let Some(key) = self.key(which) else { return };
                let state = if well { ReportState::Succeeded } else { ReportState::Failed };
                let before = self.host.kind(&key);
                let taken = self.host.outbox.report(&key, Report { state, note: String::new() }, now);
                if before == StateKind::Awaiting {
                    taken.unwrap();
                    let expected = if well { StateKind::Done } else { StateKind::Dead };
                    assert_eq!(self.host.kind(&key), expected);
                }
                self.host.write();
            }
            Step::Approve(which) => {
                self.decide(which, StateKind::Held, |outbox, key| outbox.approve(key, "bob", now).is_ok());
            }
            Step::Cancel(which) => {
                let Some(key) = self.key(which) else { return };
                let before = self.host.kind(&key);
                let may = !matches!(before, StateKind::UnderWay | StateKind::Done | StateKind::Cancelled);
                assert_eq!(self.host.outbox.cancel(&key, "ann", "no", now).is_ok(), may);
                self.host.write();
            }
            Step::Replay(which) => {
                let Some(key) = self.key(which) else { return };
                if self.host.kind(&key) == StateKind::Dead {
                    self.replayed.insert(key);
                }
                self.decide(which, StateKind::Dead, |outbox, key| outbox.replay(key, now).is_ok());
            }
            Step::Adopt => self.host.outbox.adopt(destinations(), now),
            Step::Pass(ms) => self.now = Millis(now.0 + ms),
            Step::Crash => {
                self.running.clear();
                self.host.crash(now);
            }
        }
        self.check();
    }

    /// Something that goes through in one state only.
    fn decide(&mut self, which: usize, in_state: StateKind, act: impl Fn(&mut Outbox, &str) -> bool) {
        let Some(key) = self.key(which) else { return };
        let may = self.host.kind(&key) == in_state;
        assert_eq!(act(&mut self.host.outbox, &key), may);
        self.host.write();
    }

    fn take(&mut self) {
        let open = |depth: &crate::outbox::Depth| match depth.breaker {
            BreakerState::Open { until } => until > self.now,
            _ => false,
        };
        let left_alone: Vec<String> = self
            .host
            .outbox
            .depths()
            .into_iter()
            .filter(|(_, depth)| open(depth))
            .map(|(action, _)| action)
            .collect();
        for job in self.host.take(self.now) {
            assert!(!left_alone.contains(&job.owed.action), "taken though the breaker is open");
            // The same key on every attempt, and what was owed under it.
            let first = self.owed.iter().find(|owed| owed.key == job.owed.key).unwrap();
            assert_eq!((&first.lane, &first.occasion), (&job.owed.lane, &job.owed.occasion));
            let before = self.attempts.insert(job.owed.key.clone(), job.attempt).unwrap_or(0);
            assert_eq!(job.attempt, before + 1);
            assert!(!self.done.contains(&job.owed.key), "done, and run again");
            self.running.push(job);
        }
    }

    pub(super) fn finish(&mut self, which: usize, how: How) {
        if self.running.is_empty() {
            return;
        }
        let job = self.running.remove(which % self.running.len());
        let finish = match how {
            How::Done => done(),
            How::Await => Finish::AwaitReport { until: self.now.plus_seconds(30.0) },
            How::Failed => failed(),
            How::Refused => refused(),
        };
        self.host.finish(job.seq, finish, self.now);
    }

    fn check(&mut self) {
        let store = self.host.records();
        // Nothing is lost, and the store has what the outbox has.
        assert_eq!(store.len(), self.owed.len());
        let all = crate::outbox::Filter::default();
        let mut counts: BTreeMap<(String, StateKind), usize> = BTreeMap::new();
        let mut busy = BTreeSet::new();
        for (seq, record) in self.host.outbox.list(&all) {
            assert_eq!(&store[&seq], record);
            let kind = record.standing.state.kind();
            *counts.entry((record.owed.action.clone(), kind)).or_default() += 1;
            if matches!(kind, StateKind::UnderWay | StateKind::Awaiting) {
                let lane = (record.owed.action.clone(), record.owed.lane.clone());
                assert!(busy.insert(lane), "two of one lane under way");
            }
        }
        for (action, depth) in self.host.outbox.depths() {
            let count = |kind| counts.get(&(action.clone(), kind)).copied().unwrap_or(0);
            assert!(depth.under_way <= destinations()[&action].concurrency);
            assert_eq!(depth.under_way, count(StateKind::UnderWay));
            assert_eq!(depth.waiting, count(StateKind::Waiting));
            assert_eq!(depth.awaiting, count(StateKind::Awaiting));
            assert_eq!(depth.held, count(StateKind::Held));
            assert_eq!(depth.dead, count(StateKind::Dead));
        }
        for (_, record) in store {
            let is_done = record.standing.state.kind() == StateKind::Done;
            if is_done && !self.done.contains(&record.owed.key) {
                self.check_order(&record.owed);
                self.done.push(record.owed.key.clone());
            } else {
                assert_eq!(is_done, self.done.contains(&record.owed.key), "done is for good");
            }
        }
        assert_eq!(
            self.running.len(),
            self.host.outbox.depths().values().map(|depth| depth.under_way).sum::<usize>()
        );
    }

    /// Whatever of the lane was owed before this is over.
    fn check_order(&self, owed: &Owed) {
        let before = self.owed.iter().take_while(|other| other.key != owed.key);
        for other in before.filter(|other| (&other.action, &other.lane) == (&owed.action, &owed.lane)) {
            let kind = self.host.kind(&other.key);
            // One that was replayed while this was under way waits for it.
            let overtaken = self.replayed.contains(&other.key);
            assert!(!kind.is_live() || overtaken, "{} is done, and {} is {kind}", owed.key, other.key);
        }
    }

    /// Gives every job its attempts, all of which go one way, and approves what is held.
    pub(super) fn drain(&mut self, how: How) {
        for job in std::mem::take(&mut self.running) {
            self.host.finish(job.seq, failed(), self.now);
        }
        for owed in self.owed.clone() {
            if self.host.kind(&owed.key) == StateKind::Held {
                self.host.outbox.approve(&owed.key, "bob", self.now).unwrap();
            }
        }
        let mut rounds = 0;
        loop {
            self.take();
            while !self.running.is_empty() {
                self.finish(0, how);
            }
            self.check();
            rounds += 1;
            assert!(rounds < 10_000, "no end");
            match self.host.outbox.next_due() {
                Some(due) => self.now = self.now.max(due),
                None => return,
            }
        }
    }
}

pub(super) fn how() -> impl Strategy<Value = How> {
    prop_oneof![Just(How::Done), Just(How::Await), Just(How::Failed), Just(How::Refused)]
}
