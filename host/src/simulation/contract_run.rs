//! Whether a contract is kept over a fleet: one second between beats, 1 % lost, lognormal jitter.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::model::lognormal;
use crate::heartbeat::{Beat, Contract, Heartbeat, Standing};
use crate::time::Millis;

const LOSS: f64 = 0.01;
const DELAY_S: f64 = 0.1;
const DELAY_SIGMA: f64 = 0.6;
const INTERVAL_MS: i64 = 1000;
const WEEK_BEATS: i64 = 604_800;

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ContractRun {
    /// Systems that were watched.
    pub systems: u32,
    /// Days that they were watched.
    pub days: u32,
    /// Beats that arrived, of all systems.
    pub beats: u64,
    /// False alarms, of all systems.
    pub false_alarms: u64,
    /// False alarms of the system that had most in any seven days from its start.
    pub worst_week: u32,
    /// Crashes tried: one right after each beat was sent, which is when it takes longest to find.
    pub crashes: u64,
    /// Crashes that were detected later than agreed.
    pub late: u64,
    /// The longest detection of these, in seconds.
    pub detection_max_s: f64,
    /// The mean detection of a crash at any time, in seconds.
    pub detection_mean_s: f64,
    /// Systems whose heartbeat says at the end that the contract is kept, by evidence.
    pub proven: u32,
}

/// Watches `systems` for `days`, each from its first beat on, without any time to warm up.
#[must_use]
pub(super) fn contract_run(contract: &Contract, systems: u32, days: u32, seed: u64) -> ContractRun {
    let mut run = ContractRun { systems, days, ..ContractRun::default() };
    let mut detection_sum_s = 0.0;
    for system in 0..systems {
        let mut random = ChaCha8Rng::seed_from_u64(seed.wrapping_add(u64::from(system)));
        let mut watch = Watch::default();
        // Beats on their way; hardly ever more than one.
        let mut coming: Vec<(i64, i64)> = Vec::new();
        let mut week = (0, 0);
        let lost_below = (LOSS * f64::from(u32::MAX)) as u32;
        for number in 0..i64::from(days) * 86_400 {
            let sent_ms = number * INTERVAL_MS;
            if random.r#gen::<u32>() >= lost_below {
                let delay_ms = (lognormal(DELAY_S, DELAY_SIGMA, &mut random) * 1e3) as i64;
                coming.push((sent_ms + delay_ms, sent_ms));
            }
            coming.sort_unstable();
            let arrived = coming.iter().take_while(|beat| beat.0 < sent_ms + INTERVAL_MS).count();
            for (arrival_ms, sent_ms) in coming.drain(..arrived) {
                if watch.hear(arrival_ms, sent_ms, contract) {
                    run.false_alarms += 1;
                    let this = number / WEEK_BEATS;
                    week = if week.0 == this { (this, week.1 + 1) } else { (this, 1) };
                    run.worst_week = run.worst_week.max(week.1);
                }
            }
            // The system ends: what is on its way still comes.
            let deadline = if coming.is_empty() {
                watch.deadline()
            } else {
                let mut last = watch.clone();
                for &(arrival_ms, sent_ms) in &coming {
                    last.hear(arrival_ms, sent_ms, contract);
                }
                last.deadline()
            };
            if let Some(deadline) = deadline {
                let detection_s = (deadline.0 - sent_ms).max(0) as f64 / 1e3;
                run.crashes += 1;
                run.late += u64::from(detection_s > contract.detect_within_s());
                run.detection_max_s = run.detection_max_s.max(detection_s);
                detection_sum_s += (detection_s - INTERVAL_MS as f64 / 2e3).max(0.0);
            }
        }
        run.beats += watch.beats;
        let kept = |heartbeat: &Heartbeat| heartbeat.report(contract).standing == Standing::Kept;
        run.proven += u32::from(watch.heartbeat.as_ref().is_some_and(kept));
    }
    run.detection_mean_s = detection_sum_s / run.crashes.max(1) as f64;
    run
}

/// What is heard of one system.
#[derive(Clone, Default)]
struct Watch {
    heartbeat: Option<Heartbeat>,
    newest_ms: Option<i64>,
    beats: u64,
}

impl Watch {
    /// Whether the beat ended a false alarm. One that was overtaken is no news.
    fn hear(&mut self, arrival_ms: i64, sent_ms: i64, contract: &Contract) -> bool {
        if self.newest_ms.is_some_and(|newest_ms| sent_ms < newest_ms) {
            return false;
        }
        self.newest_ms = Some(sent_ms);
        self.beats += 1;
        let beat = Beat { arrival: Millis(arrival_ms), sent: Some(Millis(sent_ms)) };
        match &mut self.heartbeat {
            None => {
                self.heartbeat = Some(Heartbeat::new(beat));
                false
            }
            Some(heartbeat) => {
                let was_alarm = heartbeat.deadline().is_some_and(|deadline| beat.arrival > deadline);
                heartbeat.beat(beat, contract);
                was_alarm
            }
        }
    }

    fn deadline(&self) -> Option<Millis> {
        self.heartbeat.as_ref().and_then(Heartbeat::deadline)
    }
}
