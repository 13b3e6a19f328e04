//! `crash`: the server is killed two hundred times under load, and nothing that it acknowledged is lost or
//! told twice.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;

use super::FleetArgs;
use crate::clock::now_ms;
use crate::fleet::{Body, Clock};
use crate::latencies::Latencies;
use crate::random::Random;
use crate::report::{Report, show};
use crate::server::{Bench, Server};

mod senders;
mod verify;

use senders::{Current, Senders};
use verify::{Expected, Troubles};

/// Milliseconds between the times of two samples of a system. With the steps, and not the moments at which
/// samples happen to arrive, it is known at which sample a detection opens and by when it is resolved.
const STEP_MS: i64 = 1000;
/// The target for the start after a crash.
const READY: Duration = Duration::from_secs(3);
/// How long after a start what was journalled may take to be judged.
const SETTLE: Duration = Duration::from_secs(15);
/// The same at the end, for the whole fleet.
const SETTLE_END: Duration = Duration::from_secs(120);

/// Options of `crash`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    fleet: FleetArgs,
    /// How often the server is killed
    #[arg(long, default_value_t = 200)]
    rounds: u32,
    /// Samples of each system before the first crash, sent as fast as it goes
    #[arg(long, default_value_t = 1000)]
    samples: u64,
    /// Samples a second while the server is being killed
    #[arg(long, default_value_t = 20_000)]
    rate: u64,
    /// Every so many systems has troubles
    #[arg(long, default_value_t = 20)]
    trouble_every: u32,
    /// Systems looked at after a crash
    #[arg(long, default_value_t = 20)]
    check: usize,
    /// Systems looked at in the end; 0: all
    #[arg(long, default_value_t = 0)]
    check_end: usize,
    /// The shortest life between ready and the kill, in seconds
    #[arg(long, default_value_t = 0.2)]
    life_min: f64,
    /// The longest
    #[arg(long, default_value_t = 3.0)]
    life_max: f64,
}

/// What the rounds came to.
#[derive(Default)]
struct Rounds {
    /// Until samples were taken in.
    ready: Latencies,
    /// Until a question about systems was answered, with all that had been acknowledged judged.
    answering: Latencies,
    crashes: u32,
    checked: usize,
    wrong: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// The server did not start, or a sender met what no crash explains.
pub(crate) fn run(bench: &Bench, options: &Options) -> Result<Report> {
    let troubles = Troubles { every: options.trouble_every.max(1), from: options.samples };
    bench.prepare(&format!("{}\n{}", options.fleet.config(), verify::RULE))?;
    let server = bench.start()?;
    let mut report = Report::new("crash");
    report.figure("ready after, first start", show(server.ready_after));
    let start_ms = now_ms() - options.samples as i64 * STEP_MS;
    let clock = Clock::Stepped { start_ms, step_ms: STEP_MS };
    let bodies = options.fleet.bodies(clock, Some(troubles.mark()));
    let expected = Expected::new(&bodies, start_ms, STEP_MS, troubles);
    let current = Current::new(server.api());

    let bodies = fill(&mut report, options, bodies, &current, &expected)?;
    let senders = Senders::start(bodies, options.fleet.connections, options.rate, &current, &expected);
    let (server, rounds) = crash(bench, options, server, &current, &expected, &senders)?;
    let (_, sent) = senders.stop().context("after the last crash")?;
    current.set(None);

    report.invariant("kills", enough(&rounds, options.rounds));
    let met = rounds.ready.max() <= READY;
    report.target("takes samples after a crash", rounds.ready.to_string(), "max <= 3 s", met);
    report.figure("answers, all judged, after a crash", rounds.answering.to_string());
    report.figure("batches acknowledged", sent.acknowledged.to_string());
    report.figure("of these asked for again", format!("{}, replayed {}", sent.repeated, sent.replayed));
    report.figure("429s", sent.full.to_string());
    report.invariant("acknowledged as sent", all_well(sent.wrong, "every batch whole".to_owned()));
    report.invariant(
        "after each crash",
        all_well(rounds.wrong, format!("{} histories, and their detections", rounds.checked)),
    );
    let mut random = Random::new(options.fleet.seed ^ 1);
    end(&mut report, bench, server, options, &expected, &mut random)?;
    Ok(report)
}

/// Fills the history as fast as it goes.
fn fill(
    report: &mut Report,
    options: &Options,
    bodies: Vec<Body>,
    current: &Current,
    expected: &Expected,
) -> Result<Vec<Body>> {
    if options.samples == 0 {
        return Ok(bodies);
    }
    let began = Instant::now();
    let senders = Senders::start(bodies, options.fleet.connections, 0, current, expected);
    while expected.acknowledged_min() < options.samples && !senders.has_ended() {
        sleep(Duration::from_millis(5));
    }
    let (bodies, sent) = senders.stop().context("while the history was filled")?;
    let rows = options.samples as f64 * f64::from(options.fleet.systems);
    let rate = rows / began.elapsed().as_secs_f64();
    report.figure("history filled", format!("{rows:.0} samples in {}, {rate:.0}/s", show(began.elapsed())));
    report.invariant("filled as sent", all_well(sent.wrong, "every batch whole".to_owned()));
    Ok(bodies)
}

/// Kills and restarts, and looks at some systems in every other life.
fn crash(
    bench: &Bench,
    options: &Options,
    mut server: Server,
    current: &Current,
    expected: &Expected,
    senders: &Senders,
) -> Result<(Server, Rounds)> {
    let mut rounds = Rounds::default();
    let mut random = Random::new(options.fleet.seed);
    for round in 0..options.rounds {
        let life = Duration::from_secs_f64(random.between(options.life_min, options.life_max));
        let ready = Instant::now();
        if round > 0 && random.below(2) == 0 {
            server.api().get("/api/v1/systems?limit=1")?;
            rounds.answering.add(server.started.elapsed());
            let systems = expected.some_systems(options.check, &mut random);
            let wrong = expected.check(&server.api(), &systems, SETTLE)?;
            rounds.checked += systems.len();
            rounds.wrong.extend(wrong.into_iter().map(|wrong| format!("after crash {round}: {wrong}")));
            if !rounds.wrong.is_empty() {
                break;
            }
        }
        sleep(life.saturating_sub(ready.elapsed()));
        if senders.has_ended() {
            break;
        }
        current.set(None);
        server.kill().with_context(|| format!("before kill {}", round + 1))?;
        server = bench.start().with_context(|| format!("after kill {}", round + 1))?;
        rounds.crashes += 1;
        rounds.ready.add(server.ready_after);
        current.set(Some(server.api()));
    }
    Ok((server, rounds))
}

/// With the load over, looks at everything, ends the server, starts it again and looks at some of it again.
fn end(
    report: &mut Report,
    bench: &Bench,
    server: Server,
    options: &Options,
    expected: &Expected,
    random: &mut Random,
) -> Result<()> {
    let all = match options.check_end {
        0 => expected.all_systems(),
        some => expected.some_systems(some, random),
    };
    let wrong = expected.check(&server.api(), &all, SETTLE_END)?;
    report.invariant("histories at the end", all_well(wrong, format!("{} systems", all.len())));
    let detections = expected.check_all_detections(&server.api(), SETTLE_END)?;
    report.invariant("detections at the end", detections);
    let ended = server.stop().map(|took| format!("after {}", show(took)));
    report.invariant("ends when asked", ended.map_err(|error| format!("{error:#}")));
    let server = bench.start().context("after the orderly end")?;
    report.figure("ready after an orderly end", show(server.ready_after));
    let some = expected.some_systems(options.check.max(50), random);
    let wrong = expected.check(&server.api(), &some, SETTLE)?;
    report.invariant("histories after an orderly end", all_well(wrong, format!("{} systems", some.len())));
    let detections = expected.check_all_detections(&server.api(), SETTLE)?;
    report.invariant("detections after an orderly end", detections);
    Ok(())
}

fn enough(rounds: &Rounds, wanted: u32) -> Result<String, String> {
    let text = format!("{} of {wanted}", rounds.crashes);
    if rounds.crashes == wanted { Ok(text) } else { Err(text) }
}

/// The good news if nothing is wrong, or else the first of what is.
fn all_well(wrong: Vec<String>, good: String) -> Result<String, String> {
    const SHOWN: usize = 5;
    if wrong.is_empty() {
        return Ok(good);
    }
    let more = wrong.len().saturating_sub(SHOWN);
    let mut text = wrong.into_iter().take(SHOWN).collect::<Vec<_>>().join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more"));
    }
    Err(text)
}
