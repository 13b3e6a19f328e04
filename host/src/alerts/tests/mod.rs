//! A room that is restarted after every step beside one that never is; both must decide the same.

mod adopting;
mod config;
mod depending;
mod escalating;
mod explaining;
mod flapping;
mod grouping;
mod hiding;
mod laws;
mod matching;
mod windows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::alerts::matcher::severity_of;
use crate::time::Millis;

/// Midnight UTC of a Monday.
const START: i64 = 1_767_571_200_000;

fn receivers() -> BTreeSet<String> {
    ["ops", "db-team", "lead", "boss", "mail"].map(str::to_owned).into()
}

fn compile(text: &str) -> Result<Plan, Vec<String>> {
    Plan::compile(&toml::from_str(text).unwrap(), &receivers())
}

fn plan(text: &str) -> Arc<Plan> {
    Arc::new(compile(text).unwrap())
}

fn id(number: u64) -> Uuid {
    Uuid::from_u64_pair(7, number)
}

/// `"system_id=a severity=high"` as labels.
fn labels(text: &str) -> Labels {
    text.split_whitespace().map(|label| label.split_once('=').unwrap()).collect()
}

fn conditions(text: &str) -> Matchers {
    Matchers::parse(&labels(text).0).unwrap()
}

/// The conditions `text` from `start_s` to `end_s`, in seconds of the test.
fn silence(text: &str, start_s: f64, end_s: f64) -> NewSilence {
    NewSilence {
        matchers: conditions(text),
        owner: "alice".into(),
        starts: Some(at(start_s)),
        ends: Some(at(end_s)),
        ..NewSilence::default()
    }
}

fn at(seconds: f64) -> Millis {
    Millis(START).plus_seconds(seconds)
}

struct Stage {
    steady: Alerts,
    restarted: Alerts,
    records: BTreeMap<String, Vec<u8>>,
    plan: Arc<Plan>,
    now: Millis,
    /// All notifications so far.
    told: Vec<Notification>,
    notes: Vec<(Uuid, Step)>,
    owed: Vec<(Uuid, u32, Vec<String>)>,
    keys: BTreeSet<String>,
}

impl Stage {
    fn new(text: &str) -> Self {
        let plan = plan(text);
        Self {
            steady: Alerts::new(Arc::clone(&plan)),
            restarted: Alerts::new(Arc::clone(&plan)),
            records: BTreeMap::new(),
            plan,
            now: at(0.0),
            told: Vec::new(),
            notes: Vec::new(),
            owed: Vec::new(),
            keys: BTreeSet::new(),
        }
    }

    /// Does the same with both rooms, restarts one of them, and gives the notifications that came of it.
    fn both<T: PartialEq + std::fmt::Debug>(
        &mut self,
        act: impl Fn(&mut Alerts, Millis, &mut Vec<Decision>) -> T,
    ) -> (T, Vec<Notification>) {
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        let result = act(&mut self.steady, self.now, &mut expected);
        assert_eq!(act(&mut self.restarted, self.now, &mut found), result);
        assert_eq!(found, expected, "after a restart it is decided otherwise");
        assert_eq!(self.restarted.next_due(), self.steady.next_due());
        assert!(self.steady.next_due().is_none_or(|due| due > self.now), "nothing that fell due is left");
        for (key, bytes) in self.restarted.changed().unwrap() {
            match bytes {
                Some(bytes) => _ = self.records.insert(key, bytes),
                None => _ = self.records.remove(&key),
            }
        }
        let records = self.records.iter().map(|(key, bytes)| (key.as_str(), bytes.as_slice()));
        self.restarted = Alerts::restore(Arc::clone(&self.plan), records).unwrap();
        let mut told = Vec::new();
        for decision in expected {
            match decision {
                Decision::Notify(notification) => {
                    assert!(self.keys.insert(notification.key.clone()), "{} comes twice", notification.key);
                    told.push(notification);
                }
                Decision::Escalate { id, level, audience, .. } => self.owed.push((id, level, audience)),
                Decision::Note { id, step, .. } => self.notes.push((id, step)),
            }
        }
        self.told.extend(told.iter().cloned());
        (result, told)
    }

    fn take(&mut self, change: &Change) -> Vec<Notification> {
        self.both(|alerts, now, out| alerts.take(change.clone(), now, out)).1
    }

    fn alert(&self, number: u64, text: &str) -> Alert {
        let mut labels = labels(text);
        let mut default = |name: &str, value: &str| {
            labels.0.entry(name.into()).or_insert(value.into());
        };
        default("rule_id", "cpu");
        default("system_id", &format!("system-{number}"));
        default("zone", "eu-1");
        default("severity", "medium");
        let severity = severity_of(labels.get("severity")).unwrap();
        Alert { id: id(number), labels, severity, opened: self.now, summary: format!("alert {number}") }
    }

    fn open(&mut self, number: u64, text: &str) -> Vec<Notification> {
        let alert = self.alert(number, text);
        self.take(&Change::Opened(alert))
    }

    fn reopen(&mut self, number: u64, text: &str) -> Vec<Notification> {
        let alert = self.alert(number, text);
        self.take(&Change::Reopened(alert))
    }

    fn resolve(&mut self, number: u64) -> Vec<Notification> {
        let at = self.now;
        self.take(&Change::Resolved { id: id(number), at })
    }

    fn close(&mut self, number: u64) -> Vec<Notification> {
        let at = self.now;
        self.take(&Change::Closed { id: id(number), at })
    }

    fn acknowledge(&mut self, number: u64) -> Vec<Notification> {
        let at = self.now;
        self.take(&Change::Acknowledged { id: id(number), by: "bob".into(), at })
    }

    fn silence(&mut self, number: u64, silence: &NewSilence) -> Vec<Notification> {
        let (made, told) =
            self.both(|alerts, now, out| alerts.add_silence(silence.clone(), id(number), now, out));
        made.unwrap();
        told
    }

    fn end_silence(&mut self, number: u64) -> Vec<Notification> {
        let (ended, told) = self.both(|alerts, now, out| alerts.end_silence(id(number), now, out));
        ended.unwrap();
        told
    }

    fn adopt(&mut self, text: &str) -> Vec<Notification> {
        let plan = plan(text);
        self.plan = Arc::clone(&plan);
        self.both(|alerts, now, out| alerts.adopt(Arc::clone(&plan), now, out)).1
    }

    /// Lets time pass up to a second of the test, looking at the room whenever it asks for it.
    fn until(&mut self, seconds: f64) -> Vec<Notification> {
        let (end, mut told) = (at(seconds), Vec::new());
        while let Some(due) = self.steady.next_due().filter(|&due| due <= end) {
            self.now = self.now.max(due);
            told.extend(self.both(Alerts::tick).1);
        }
        self.now = end;
        told
    }

    fn steps(&self, number: u64) -> Vec<Step> {
        self.notes.iter().filter(|(alert, _)| *alert == id(number)).map(|(_, step)| step.clone()).collect()
    }
}

/// Receiver and kind of each.
fn kinds(told: &[Notification]) -> Vec<(&str, Kind)> {
    told.iter().map(|notification| (notification.receiver.as_str(), notification.kind)).collect()
}

const ROOT: &str = r#"
route = { receivers = ["ops"], group_by = ["rule_id", "zone"] }
"#;
