//! What a heartbeat costs: memory, time of a beat, time of a tick over many systems.

use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::heartbeat::{Beat, Contract, Heartbeat, Wheel};
use crate::time::Millis;

/// Milliseconds between two ticks.
const TICK_MS: i64 = 100;
/// Beats of each system.
const ROUNDS: i64 = 60;
/// Rounds in which intervals are learned; they are not measured.
const WARM: i64 = 20;

/// Figures of this machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Bytes of a system: its heartbeat and its places in the wheel.
    pub bytes_per_system: f64,
    /// Nanoseconds of a beat, its place in the wheel included, when beats of all systems come in turn.
    pub beat_ns: f64,
    /// Nanoseconds of a beat of a system that is in the cache.
    pub warm_beat_ns: f64,
    /// Milliseconds of a tick: mean, and the longest.
    pub tick_mean_ms: f64,
    /// The longest.
    pub tick_max_ms: f64,
    /// Systems looked at in a tick, in the mean.
    pub looked_at: f64,
}

/// Measures `systems` that beat once a second, spread evenly, under one contract.
#[must_use]
pub(super) fn cost(systems: u32, contract: &Contract) -> Cost {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut heartbeats: Vec<Heartbeat> = Vec::new();
    let mut wheel = Wheel::new(Millis(0));
    let mut delays = [0_i64; 4096];
    delays.fill_with(|| random.gen_range(0..60));
    let per_tick = (i64::from(systems) * TICK_MS / 1000).max(1);
    let (mut beats, mut beating) = (0_u64, Duration::ZERO);
    let (mut ticks, mut ticking, mut longest, mut looked_at) = (0_u32, Duration::ZERO, Duration::ZERO, 0_u64);
    let mut next = 0_i64;
    for tick in 0..ROUNDS * 1000 / TICK_MS {
        let measured = tick >= WARM * 1000 / TICK_MS;
        let began = Instant::now();
        for _ in 0..per_tick {
            let system = (next % i64::from(systems)) as u32;
            let sent = Millis(next * 1000 / i64::from(systems));
            let beat =
                Beat { arrival: Millis(sent.0 + delays[next as usize % delays.len()]), sent: Some(sent) };
            next += 1;
            match heartbeats.get_mut(system as usize) {
                None => heartbeats.push(Heartbeat::new(beat)),
                Some(heartbeat) => {
                    heartbeat.beat(beat, contract);
                    if let Some(deadline) = heartbeat.deadline() {
                        wheel.wake(system, deadline);
                    }
                }
            }
        }
        let beaten = began.elapsed();
        let now = Millis((tick + 1) * TICK_MS);
        let began = Instant::now();
        wheel.turn(now, |system| {
            looked_at += u64::from(measured);
            heartbeats[system as usize].deadline().filter(|&deadline| deadline > now)
        });
        let ticked = began.elapsed();
        if measured {
            (beats, beating) = (beats + per_tick as u64, beating + beaten);
            (ticks, ticking, longest) = (ticks + 1, ticking + ticked, longest.max(ticked));
        }
    }
    let own = size_of::<Heartbeat>() as f64;
    Cost {
        bytes_per_system: own + wheel.bytes() as f64 / f64::from(systems),
        beat_ns: beating.as_nanos() as f64 / beats as f64,
        warm_beat_ns: warm_beat_ns(contract),
        tick_mean_ms: ticking.as_secs_f64() * 1e3 / f64::from(ticks),
        tick_max_ms: longest.as_secs_f64() * 1e3,
        looked_at: looked_at as f64 / f64::from(ticks),
    }
}

fn warm_beat_ns(contract: &Contract) -> f64 {
    const BEATS: i64 = 2_000_000;
    let mut heartbeat = Heartbeat::new(Beat { arrival: Millis(0), sent: None });
    let began = Instant::now();
    for number in 1..=BEATS {
        let arrival = Millis(number * 1000 + number * 7919 % 61);
        heartbeat.beat(Beat { arrival, sent: Some(Millis(number * 1000)) }, contract);
    }
    std::hint::black_box(heartbeat.deadline());
    began.elapsed().as_nanos() as f64 / BEATS as f64
}
