//! Laws: what holds whatever happens to the jobs, and whenever the host stops.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::host::{Host, T0, done, failed, owed, policies};
use super::world::{ACTIONS, How, Step, World, destinations, how, step};
use crate::outbox::{Blast, BreakerState, Destination, Job, Outbox, Owed, State, StateKind};
use crate::time::Millis;

/// When each job of the destination `mail` was taken while another one takes so long to fail, or is not there at all.
fn schedule(lanes: &[u8], takes_ms: &[i64], beside_ms: Option<i64>) -> Vec<(Millis, String, u32)> {
    let mut outbox = Outbox::new(policies([
        ("mail", Destination { concurrency: 2, ..Destination::default() }),
        ("page", Destination { concurrency: 3, ..Destination::default() }),
    ]));
    let mut running: Vec<(Millis, Job)> = Vec::new();
    let mut taken = Vec::new();
    for step in 0..400_usize {
        let now = Millis(T0.0 + 500 * step as i64);
        if let Some(lane) = lanes.get(step / 4).filter(|_| step.is_multiple_of(4)) {
            let mail = Owed { owed_at: now, ..owed(&format!("mail-{step}"), "mail", &lane.to_string()) };
            outbox.owe(mail, now, 10).unwrap();
            let page = Owed { owed_at: now, ..owed(&format!("page-{step}"), "page", &lane.to_string()) };
            if beside_ms.is_some() {
                outbox.owe(page, now, 10).unwrap();
            }
        }
        let (over, on): (Vec<_>, Vec<_>) = running.into_iter().partition(|(until, _)| *until <= now);
        running = on;
        for (_, job) in over {
            // The other destination always fails; this one now and then.
            let fails = job.owed.action == "page" || (job.attempt == 1 && job.owed.key.ends_with('3'));
            outbox.finish(job.seq, if fails { failed() } else { done() }, now).unwrap();
        }
        let mut jobs = Vec::new();
        outbox.next_jobs(now, &mut jobs);
        for job in jobs {
            let mut ms = beside_ms.unwrap_or_default();
            if job.owed.action == "mail" {
                ms = takes_ms[taken.len() % takes_ms.len()];
                taken.push((now, job.owed.key.clone(), job.attempt));
            }
            running.push((Millis(now.0 + ms), job));
        }
    }
    taken
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing is lost, nothing done is run again, the order of lanes, one of a lane at a time, the same key on every
    /// attempt: after each step. And in the end everything is over.
    #[test]
    fn every_key_ends(steps in prop::collection::vec(step(), 1..80), how in how()) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.drain(how);
        for owed in &world.owed {
            let kind = world.host.kind(&owed.key);
            prop_assert!(!kind.is_live(), "{} is {kind}", owed.key);
        }
    }

    /// A host that stops goes on with the same jobs as one that does not, once nothing is under way or awaits a report,
    /// for which a restart gives more time.
    #[test]
    fn a_restart_changes_nothing(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        while !world.running.is_empty() {
            world.finish(0, How::Done);
        }
        for which in 0..world.owed.len() {
            if world.host.kind(&world.owed[which].key) == StateKind::Awaiting {
                world.step(&Step::Report { which, well: true });
            }
        }
        let waits = |outbox: &Outbox| -> Vec<(u64, State)> {
            let all = crate::outbox::Filter::default();
            outbox.list(&all).map(|(seq, record)| (seq, record.standing.state.clone())).collect()
        };
        let before = waits(&world.host.outbox);
        let is_closed = |outbox: &Outbox| outbox.depths().values().all(|depth| depth.breaker == BreakerState::Closed);
        let same_breakers = is_closed(&world.host.outbox);
        let mut restored = Outbox::restore(world.host.records(), destinations(), world.now);
        prop_assert_eq!(waits(&restored), before);
        if same_breakers {
            let keys = |outbox: &mut Outbox| -> BTreeSet<String> {
                let mut jobs = Vec::new();
                outbox.next_jobs(world.now, &mut jobs);
                jobs.into_iter().map(|job| format!("{} {}", job.owed.action, job.owed.key)).collect()
            };
            let (here, there) = (keys(&mut world.host.outbox), keys(&mut restored));
            // Which lanes come first may differ where there are more of them than places; how many does not.
            for action in ACTIONS {
                let count = |keys: &BTreeSet<String>| keys.iter().filter(|key| key.starts_with(action)).count();
                prop_assert_eq!(count(&here), count(&there));
            }
        }
    }

    /// What one destination does to its own jobs is not felt at another.
    #[test]
    fn a_failing_destination_delays_nobody_else(
        lanes in prop::collection::vec(0..5_u8, 1..100),
        takes_ms in prop::collection::vec(0..3000_i64, 1..10),
        beside_ms in prop_oneof![Just(0), 0..3000_i64, Just(600_000)],
    ) {
        prop_assert_eq!(schedule(&lanes, &takes_ms, Some(beside_ms)), schedule(&lanes, &takes_ms, None));
    }

    /// By itself, no action touches more systems within the window than it may.
    #[test]
    fn the_blast_radius_holds(
        touches in prop::collection::vec((0..20_u8, 0..40_000_i64), 1..120),
        count in 1..6_u32,
        share in 0.01..1.0_f64,
    ) {
        let blast = Blast { share, count, window_s: 60.0 };
        let fleet_size = 20_usize;
        let mut outbox = Outbox::new(policies([("act", Destination { blast: Some(blast), ..Destination::default() })]));
        let allowed = (count as usize).min((share * fleet_size as f64 + 1e-9) as usize).max(1);
        let mut now = T0;
        let mut through: Vec<(Millis, u8)> = Vec::new();
        for (number, (system, ms)) in touches.into_iter().enumerate() {
            now = Millis(now.0 + ms);
            let key = number.to_string();
            outbox.owe(Owed { owed_at: now, ..owed(&key, "act", &system.to_string()) }, now, fleet_size).unwrap();
            let within: BTreeSet<u8> =
                through.iter().filter(|(at, _)| at.0 > now.0 - 60_000).map(|(_, system)| *system).collect();
            let may = within.contains(&system) || within.len() < allowed;
            let is_held = outbox.get(&key).unwrap().1.standing.state.kind() == StateKind::Held;
            prop_assert_eq!(is_held, !may);
            if may {
                through.push((now, system));
            }
        }
    }

    /// With as many lanes as one likes, each has its turn before any has two.
    #[test]
    fn lanes_have_their_turns(lanes in prop::collection::vec(0..12_u8, 1..100), concurrency in 1..5_usize) {
        let mut host = Host::new(policies([("page", Destination { concurrency, ..Destination::default() })]));
        let mut left: BTreeMap<String, usize> = BTreeMap::new();
        for (number, lane) in lanes.iter().enumerate() {
            host.owe(owed(&number.to_string(), "page", &lane.to_string()), T0);
            *left.entry(lane.to_string()).or_default() += 1;
        }
        let mut turns: BTreeMap<String, usize> = BTreeMap::new();
        let mut running = host.take(T0);
        while !running.is_empty() {
            let job = running.remove(0);
            *turns.entry(job.owed.lane.clone()).or_default() += 1;
            *left.get_mut(&job.owed.lane).unwrap() -= 1;
            let most = turns.values().max().copied().unwrap_or(0);
            for (lane, left) in &left {
                let had = turns.get(lane).copied().unwrap_or(0);
                prop_assert!(*left == 0 || had + 1 >= most, "{lane} had {had} turns, another {most}");
            }
            host.finish(job.seq, done(), T0);
            running.extend(host.take(T0));
        }
    }
}
