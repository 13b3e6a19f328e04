//! `latency`: from a failing sample to the event of its detection, under load.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::FleetArgs;
use crate::client::{Api, Events};
use crate::clock::now_ms;
use crate::fleet::{Clock, line};
use crate::http::Connection;
use crate::latencies::Latencies;
use crate::report::Report;
use crate::sender::{Load, Pace, WhenFull, lock, post};
use crate::server::Bench;

/// The rule that opens at the first unhealthy sample.
const RULE: &str = "system_disconnection";
/// Healthy samples that a system sends before it fails, a second apart by their own times.
const HEALTHY: i64 = 5;
/// How long the last events may take.
const LAST_EVENTS: Duration = Duration::from_secs(10);
/// Systems made healthy in one batch.
const HEALTHY_BATCH: usize = 200;
/// The target from the answer to the event.
const EVENT_P99: Duration = Duration::from_millis(250);

/// Options of `latency`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    fleet: FleetArgs,
    /// Samples a second beside the measured ones; 0: none
    #[arg(long, default_value_t = 50_000)]
    rate: u64,
    /// How long
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Milliseconds between two failures
    #[arg(long, default_value_t = 50)]
    every_ms: u64,
}

/// When a failing sample was sent and answered.
struct Probe {
    system: String,
    sent: Instant,
    answered: Instant,
}

/// When the events of each system were read.
type Seen = Arc<Mutex<HashMap<String, Vec<Instant>>>>;

/// Runs it.
///
/// # Errors
/// The server, the load or the stream of events ended early.
pub(crate) fn run(bench: &Bench, options: &Options) -> Result<Report> {
    bench.prepare(&options.fleet.config())?;
    let server = bench.start()?;
    let api = server.api();
    let every = Duration::from_millis(options.every_ms.max(1));
    let count = (Duration::from_secs(options.seconds).as_millis() / every.as_millis()) as usize;
    let systems: Vec<String> = (0..count).map(|number| format!("probe-{number:06}")).collect();
    make_healthy(&api, &systems)?;

    let seen = Seen::default();
    let events = api.events(None)?;
    let reader = {
        let seen = Arc::clone(&seen);
        std::thread::spawn(move || read(events, &seen))
    };
    let load = match options.rate {
        0 => None,
        rate => {
            let pace = Pace { rate, connections: options.fleet.connections, when_full: WhenFull::Obey };
            Some(Load::start(&api, options.fleet.bodies(Clock::Wall, None), pace)?)
        }
    };
    let probes = fail_one_by_one(&api, &systems, every)?;
    let deadline = Instant::now() + LAST_EVENTS;
    while lock(&seen).len() < probes.len() && Instant::now() < deadline && !reader.is_finished() {
        sleep(Duration::from_millis(10));
    }
    let mut report = Report::new("latency");
    if let Some(load) = load {
        let elapsed_s = load.elapsed_s();
        let (_, tally) = load.stop()?;
        report.figure("load", format!("{:.0} samples/s", tally.accepted as f64 / elapsed_s));
        report.latency("accept latency of the load", &tally.accept);
        report.figure("429s", tally.full.to_string());
        report.invariant("clean answers", tally.clean());
    }
    let broke = if reader.is_finished() {
        match reader.join() {
            Ok(Err(error)) => Err(format!("{error:#}")),
            _ => Err("the server ended the stream".to_owned()),
        }
    } else {
        Ok("open to the end".to_owned())
    };
    report.invariant("stream of events", broke);
    compare(&mut report, &probes, &lock(&seen));
    // The stream is open: its reader ends with the server.
    let ended = server.stop().map(|took| format!("after {}", crate::report::show(took)));
    report.invariant("ends when asked", ended.map_err(|error| format!("{error:#}")));
    Ok(report)
}

fn make_healthy(api: &Api, systems: &[String]) -> Result<()> {
    let now = now_ms();
    let mut connection = None;
    for group in systems.chunks(HEALTHY_BATCH) {
        for back in (1..=HEALTHY).rev() {
            let body: String = group.iter().map(|system| line(system, now - back * 1000, false)).collect();
            send(api, &mut connection, &body)?;
        }
    }
    Ok(())
}

/// Sends a batch; returns when it was last sent and when it was answered.
fn send(api: &Api, connection: &mut Option<Connection>, body: &str) -> Result<(Instant, Instant)> {
    let head = api.head("POST", "/api/v1/samples", body.len(), "content-type: application/x-ndjson\r\n");
    let mut answer = Vec::new();
    loop {
        let sent = Instant::now();
        let reply = post(api, connection, head.as_bytes(), body.as_bytes(), &mut answer)
            .context("POST /api/v1/samples: no answer")?;
        match reply.status {
            200 => return Ok((sent, Instant::now())),
            429 => sleep(Duration::from_secs_f64(reply.retry_after_s.unwrap_or(1.0))),
            status => bail!("POST /api/v1/samples: {status}: {}", String::from_utf8_lossy(&answer)),
        }
    }
}

fn fail_one_by_one(api: &Api, systems: &[String], every: Duration) -> Result<Vec<Probe>> {
    let mut connection = None;
    let started = Instant::now();
    let mut probes = Vec::with_capacity(systems.len());
    for (number, system) in systems.iter().enumerate() {
        sleep((started + every * number as u32).saturating_duration_since(Instant::now()));
        let (sent, answered) = send(api, &mut connection, &line(system, now_ms(), true))?;
        probes.push(Probe { system: system.clone(), sent, answered });
    }
    Ok(probes)
}

/// Notes when the event of each probed system was read.
fn read(mut events: Events, seen: &Seen) -> Result<()> {
    while let Some(event) = events.next()? {
        let at = Instant::now();
        let detection = &event.data["detection"];
        if event.kind == "detection_opened"
            && detection["rule_id"] == RULE
            && let Some(system) = detection["system_id"].as_str().filter(|id| id.starts_with("probe-"))
        {
            lock(seen).entry(system.to_owned()).or_default().push(at);
        }
    }
    Ok(())
}

fn compare(report: &mut Report, probes: &[Probe], seen: &HashMap<String, Vec<Instant>>) {
    let (mut from_answer, mut from_request) = (Latencies::default(), Latencies::default());
    let (mut missing, mut repeated) = (Vec::new(), Vec::new());
    for probe in probes {
        match seen.get(&probe.system).map(Vec::as_slice) {
            None | Some([]) => missing.push(probe.system.as_str()),
            Some([at, more @ ..]) => {
                // An event may be read before the answer is.
                from_answer.add(at.saturating_duration_since(probe.answered));
                from_request.add(at.saturating_duration_since(probe.sent));
                if !more.is_empty() {
                    repeated.push(probe.system.as_str());
                }
            }
        }
    }
    let met = from_answer.quantile(0.99) <= EVENT_P99;
    report.target("answer to event", from_answer.to_string(), "p99 <= 250 ms", met);
    report.latency("request to event", &from_request);
    let once = if missing.is_empty() && repeated.is_empty() {
        Ok(format!("{} events", probes.len()))
    } else {
        Err(format!("no event of {missing:?}; more than one of {repeated:?}"))
    };
    report.invariant("each failure opens once", once);
}
