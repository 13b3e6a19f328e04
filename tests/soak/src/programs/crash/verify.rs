//! What must be there after a crash, and whether it is.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::client::Api;
use crate::clock::parse_ms;
use crate::fleet::{Body, Mark, system_id};
use crate::random::Random;

/// The rule that troubles open. Its window is a second, so the gate's is two of the steps.
pub(super) const RULE: &str = "[[rules]]\nrule_id = \"soak_trouble\"\nname = \"Soak trouble\"\n\
    detection_type = \"configuration_drift\"\nseverity = \"low\"\nwindow_size = 1\nmin_occurrences = 1\n\
    match = \"all\"\n[rules.conditions]\nsoak_trouble = { min = 1 }\n";
const RULE_ID: &str = "soak_trouble";
/// A troubled system has a trouble of one sample in so many samples.
const PERIOD: u64 = 16;
/// So many clear samples after a trouble it is resolved for sure.
const RESOLVED_AFTER: u64 = 8;
/// Samples kept of each system: `[history] max_data_points`.
const KEPT: u64 = 1000;
/// How often something that is not there yet is looked for.
const AGAIN: Duration = Duration::from_millis(100);

/// Which samples of which systems are troubles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Troubles {
    /// Every so many systems has them.
    pub(super) every: u32,
    /// None before this sample.
    pub(super) from: u64,
}

impl Troubles {
    /// The mark that carries them.
    pub(super) fn mark(self) -> Mark {
        let value = Arc::new(move |sample, system| u8::from(self.is_trouble(sample, system)));
        Mark { metric: RULE_ID, every: self.every, value }
    }

    fn is_trouble(self, sample: u64, system: u32) -> bool {
        let phase = u64::from(system / self.every);
        system.is_multiple_of(self.every) && sample >= self.from && (sample + phase) % PERIOD == PERIOD / 2
    }
}

/// What the senders know. A body's systems have all had as many samples.
#[derive(Clone)]
pub(super) struct Expected {
    bodies: Arc<[Progress]>,
    start_ms: i64,
    step_ms: i64,
    troubles: Troubles,
}

struct Progress {
    first_system: u32,
    rows: u32,
    /// Samples of each system that were sent, the one under way included.
    sent: AtomicU64,
    acknowledged: AtomicU64,
}

#[derive(Deserialize)]
struct History<'a> {
    #[serde(borrow)]
    samples: Vec<Stamp<'a>>,
}

#[derive(Deserialize)]
struct Stamp<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
}

impl Expected {
    pub(super) fn new(bodies: &[Body], start_ms: i64, step_ms: i64, troubles: Troubles) -> Self {
        let bodies = bodies.iter().map(|body| Progress {
            first_system: body.first_system,
            rows: body.rows,
            sent: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
        });
        Self { bodies: bodies.collect(), start_ms, step_ms, troubles }
    }

    /// A batch is about to be sent.
    pub(super) fn sending(&self, first_system: u32, sample: u64) {
        self.holding(first_system).sent.store(sample + 1, Ordering::SeqCst);
    }

    /// So many samples of a body's systems are acknowledged.
    pub(super) fn acknowledged(&self, first_system: u32, samples: u64) {
        self.holding(first_system).acknowledged.store(samples, Ordering::SeqCst);
    }

    /// The least number of acknowledged samples.
    pub(super) fn acknowledged_min(&self) -> u64 {
        self.bodies.iter().map(|body| body.acknowledged.load(Ordering::SeqCst)).min().unwrap_or(0)
    }

    /// Every system.
    pub(super) fn all_systems(&self) -> Vec<u32> {
        self.bodies.iter().flat_map(|body| body.first_system..body.first_system + body.rows).collect()
    }

    /// Some systems at random, half of them troubled ones.
    pub(super) fn some_systems(&self, count: usize, random: &mut Random) -> Vec<u32> {
        let systems = self.bodies.last().map_or(0, |body| body.first_system + body.rows);
        let troubled = systems.div_ceil(self.troubles.every);
        (0..count)
            .map(|number| match number % 2 {
                0 => random.below(systems as usize) as u32,
                _ => random.below(troubled as usize) as u32 * self.troubles.every,
            })
            .collect()
    }

    /// Looks at the history and the detections of systems; returns what is wrong. What is not there may come
    /// within `patience`, for judging goes on after the acknowledgement.
    ///
    /// # Errors
    /// The API does not answer.
    pub(super) fn check(&self, api: &Api, systems: &[u32], patience: Duration) -> Result<Vec<String>> {
        let deadline = Instant::now() + patience;
        let mut wrong = Vec::new();
        for &system in systems {
            // The senders go on: what is acknowledged from now on is not asked for.
            let acknowledged = self.acknowledged_of(system);
            wrong.extend(settled(deadline, || self.check_history(api, system, acknowledged))?.err());
            if system.is_multiple_of(self.troubles.every) {
                let found = settled(deadline, || {
                    let query = format!("&rule_id={RULE_ID}&system_id={}", system_id(system));
                    let detections = api.pages("/api/v1/detections", "detections", 500, &query)?;
                    self.check_detections(api, &detections, &[(system, acknowledged)])
                })?;
                wrong.extend(found.err());
            }
        }
        Ok(wrong)
    }

    /// Looks at every detection of every troubled system, and that no detection of any rule is there twice.
    ///
    /// # Errors
    /// The API does not answer.
    pub(super) fn check_all_detections(
        &self,
        api: &Api,
        patience: Duration,
    ) -> Result<Result<String, String>> {
        let mut systems = self.all_systems();
        systems.retain(|system| system.is_multiple_of(self.troubles.every));
        let systems: Vec<_> =
            systems.into_iter().map(|system| (system, self.acknowledged_of(system))).collect();
        settled(Instant::now() + patience, || {
            let detections = api.pages("/api/v1/detections", "detections", 500, "")?;
            let (ours, others): (Vec<Value>, Vec<Value>) =
                detections.into_iter().partition(|detection| detection["rule_id"] == RULE_ID);
            let mut seen = HashMap::new();
            for other in &others {
                let key = format!("{} {} {}", other["rule_id"], other["system_id"], other["timestamp"]);
                *seen.entry(key).or_insert(0) += 1;
            }
            if let Some((key, times)) = seen.into_iter().find(|(_, times)| *times > 1) {
                return Ok(Err(format!("the detection {key} is there {times} times")));
            }
            let ours = self.check_detections(api, &ours, &systems)?;
            Ok(ours.map(|text| format!("{text}; {} of other rules", others.len())))
        })
    }

    /// The acknowledged samples, without gaps or duplicates, and at most the one under way beyond.
    fn check_history(&self, api: &Api, system: u32, acknowledged: u64) -> Result<Result<String, String>> {
        let id = system_id(system);
        if acknowledged == 0 {
            return Ok(Ok(String::new()));
        }
        let answer =
            api.call("GET", &format!("/api/v1/systems/{id}/history?limit={KEPT}"), "text/plain", b"")?;
        let sent = self.holding(system).sent.load(Ordering::SeqCst);
        if !answer.is_success() {
            return Ok(Err(format!(
                "{id}: {acknowledged} samples acknowledged, and its history is {}",
                answer.status
            )));
        }
        let history: History<'_> =
            serde_json::from_slice(&answer.body).with_context(|| format!("the history of {id}"))?;
        let mut samples = Vec::with_capacity(history.samples.len());
        for stamp in &history.samples {
            match self.sample_at(&stamp.timestamp) {
                Some(sample) => samples.push(sample),
                None => return Ok(Err(format!("{id}: nobody sent the sample of {}", stamp.timestamp))),
            }
        }
        if let Some(pair) = samples.windows(2).find(|pair| pair[1] != pair[0] + 1) {
            return Ok(Err(format!("{id}: sample {} is followed by sample {}", pair[0], pair[1])));
        }
        let newest = samples.last().map_or(0, |sample| sample + 1);
        let kept = newest.min(KEPT);
        Ok(if newest < acknowledged {
            Err(format!("{id}: {acknowledged} samples acknowledged, {newest} are there"))
        } else if newest > sent {
            Err(format!("{id}: {sent} samples sent, {newest} are there"))
        } else if (samples.len() as u64) < kept {
            Err(format!("{id}: {} samples kept of {newest}, {kept} are to be", samples.len()))
        } else {
            Ok(String::new())
        })
    }

    /// Each trouble among the acknowledged samples of these systems is one detection, resolved if enough
    /// clear samples came after it. `detections` are all that there are of these systems.
    fn check_detections(
        &self,
        api: &Api,
        detections: &[Value],
        systems: &[(u32, u64)],
    ) -> Result<Result<String, String>> {
        let mut found: HashMap<(String, u64), Vec<&Value>> = HashMap::new();
        for detection in detections {
            let system = detection["system_id"].as_str().unwrap_or_default();
            match self.sample_of(api, detection)? {
                Ok(sample) => found.entry((system.to_owned(), sample)).or_default().push(detection),
                Err(wrong) => return Ok(Err(wrong)),
            }
        }
        let (mut open, mut resolved) = (0, 0);
        for &(system, acknowledged) in systems {
            let id = system_id(system);
            let sent = self.holding(system).sent.load(Ordering::SeqCst);
            for sample in (self.troubles.from..sent).filter(|&s| self.troubles.is_trouble(s, system)) {
                let known = found.remove(&(id.clone(), sample)).unwrap_or_default();
                let is_resolved = known.iter().any(|detection| detection["status"] == "resolved");
                let is_due = acknowledged > sample + RESOLVED_AFTER;
                match known.len() {
                    0 if sample >= acknowledged => {}
                    0 => return Ok(Err(format!("{id}: the trouble of sample {sample} was not detected"))),
                    1 if is_due && !is_resolved => {
                        return Ok(Err(format!("{id}: the trouble of sample {sample} is not resolved")));
                    }
                    1 => *(if is_resolved { &mut resolved } else { &mut open }) += 1,
                    times => {
                        return Ok(Err(format!(
                            "{id}: the trouble of sample {sample} is there {times} times"
                        )));
                    }
                }
            }
        }
        if let Some((system, sample)) = found.keys().next() {
            return Ok(Err(format!("{system}: sample {sample} was no trouble, and is detected as one")));
        }
        Ok(Ok(format!("{} troubles, {resolved} resolved, {open} open, each once", resolved + open)))
    }

    /// Which sample opened a detection: by `evidence.sample_timestamp`, asked for by id if the list leaves it
    /// out.
    fn sample_of(&self, api: &Api, detection: &Value) -> Result<Result<u64, String>> {
        let of = |detection: &Value| detection["evidence"]["sample_timestamp"].as_str().map(str::to_owned);
        let time = match of(detection) {
            Some(time) => Some(time),
            None => {
                let id = detection["detection_id"].as_str().unwrap_or_default();
                of(&api.get(&format!("/api/v1/detections/{id}"))?)
            }
        };
        let sample = time.as_deref().and_then(|time| self.sample_at(time));
        let system = &detection["system_id"];
        Ok(sample.ok_or_else(|| format!("a detection of {system} is of a sample that nobody sent: {time:?}")))
    }

    /// The number of the sample of this time.
    fn sample_at(&self, time: &str) -> Option<u64> {
        let since = parse_ms(time)? - self.start_ms;
        (since >= 0 && since % self.step_ms == 0).then_some((since / self.step_ms) as u64)
    }

    fn acknowledged_of(&self, system: u32) -> u64 {
        self.holding(system).acknowledged.load(Ordering::SeqCst)
    }

    /// The body that holds this system.
    fn holding(&self, system: u32) -> &Progress {
        let after = self.bodies.partition_point(|body| body.first_system <= system);
        &self.bodies[after.saturating_sub(1)]
    }
}

/// Asks until all is well or the time is over.
fn settled(
    deadline: Instant,
    mut check: impl FnMut() -> Result<Result<String, String>>,
) -> Result<Result<String, String>> {
    loop {
        let found = check()?;
        if found.is_ok() || Instant::now() >= deadline {
            return Ok(found);
        }
        sleep(AGAIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::rfc3339;
    use crate::fake::{Reply, serve};
    use crate::fleet::{Clock, Shape, bodies};

    fn time(sample: u64) -> String {
        String::from_utf8(rfc3339(1_767_571_200_000 + sample as i64 * 1000).to_vec()).unwrap()
    }

    /// Twenty samples of two systems, the first of which has troubles at 8 (and at 24, which is not sent
    /// yet).
    fn expected() -> Expected {
        let clock = Clock::Stepped { start_ms: 1_767_571_200_000, step_ms: 1000 };
        let troubles = Troubles { every: 2, from: 0 };
        let mark = Some(troubles.mark());
        let shape = Shape { systems: 2, batch_rows: 10, bodies_min: 1, clock, mark, seed: 1 };
        let expected = Expected::new(&bodies(&shape), 1_767_571_200_000, 1000, troubles);
        expected.sending(0, 20);
        expected.acknowledged(0, 20);
        expected
    }

    fn check(samples: impl Iterator<Item = u64>, detections: &[(u64, &str)]) -> Vec<String> {
        let history: Vec<String> =
            samples.map(|sample| format!(r#"{{"timestamp":"{}","cpu":1}}"#, time(sample))).collect();
        let detections = detections.iter().map(|(sample, status)| {
            let at = time(*sample);
            format!(
                r#"{{"rule_id":"soak_trouble","system_id":"cmc-000000","status":"{status}",
                "evidence":{{"sample_timestamp":"{at}"}}}}"#
            )
        });
        let detections = detections.collect::<Vec<_>>().join(",");
        let api = serve(move |request| {
            let body = if request.path.contains("/history") {
                format!(r#"{{"system_id":"a","samples":[{}]}}"#, history.join(","))
            } else {
                format!(r#"{{"detections":[{detections}],"next_cursor":null}}"#)
            };
            Reply::Whole(200, "", body)
        });
        expected().check(&api, &[0], Duration::ZERO).unwrap()
    }

    #[test]
    fn what_is_whole_is_well_with_or_without_the_sample_under_way() {
        assert_eq!(check(0..20, &[(8, "resolved")]), [""; 0]);
        assert_eq!(check(0..21, &[(8, "resolved")]), [""; 0]);
    }

    #[test]
    fn losses_gaps_and_repetitions_are_told() {
        let told = |samples: &[u64]| check(samples.iter().copied(), &[(8, "resolved")]).remove(0);
        let all: Vec<u64> = (0..20).collect();
        assert_eq!(told(&all[..19]), "cmc-000000: 20 samples acknowledged, 19 are there");
        assert_eq!(told(&all[1..]), "cmc-000000: 19 samples kept of 20, 20 are to be");
        assert_eq!(told(&[&all[..5], &all[6..]].concat()), "cmc-000000: sample 4 is followed by sample 6");
        assert_eq!(told(&[&all[..5], &all[4..]].concat()), "cmc-000000: sample 4 is followed by sample 4");
    }

    #[test]
    fn detections_lost_told_twice_or_left_open_are_told() {
        assert_eq!(check(0..20, &[]), ["cmc-000000: the trouble of sample 8 was not detected"]);
        let twice = check(0..20, &[(8, "resolved"), (8, "active")]);
        assert_eq!(twice, ["cmc-000000: the trouble of sample 8 is there 2 times"]);
        assert_eq!(check(0..20, &[(8, "active")]), ["cmc-000000: the trouble of sample 8 is not resolved"]);
        let other = check(0..20, &[(8, "resolved"), (9, "active")]);
        assert_eq!(other, ["cmc-000000: sample 9 was no trouble, and is detected as one"]);
    }
}
