//! `vanish`: systems that fall silent, one and many; and a host that cannot hear, which must blame nobody.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::client::Api;
use crate::clock::now_ms;
use crate::http::Connection;
use crate::report::{Report, show};
use crate::sender::lock;
use crate::server::{Bench, Server};

/// Between two heartbeats of a system.
const INTERVAL: Duration = Duration::from_secs(1);
/// The systems are sent in so many requests, spread over the interval.
const PARTS: u32 = 10;
/// How long what must come may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// After this, whoever would be missed is: three times what it takes.
const SETTLES: Duration = Duration::from_secs(15);
/// A zone must be noticed within this many times what one system takes.
const ZONE_FACTOR: f64 = 1.2;

/// Options of `vanish`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Systems, in ten zones
    #[arg(long, default_value_t = 10_000)]
    systems: u32,
    /// Seconds in which the host learns what is usual; a minute is needed to notice that nobody is heard
    #[arg(long, default_value_t = 90)]
    warm_seconds: u64,
    /// Seconds for which the server is stopped
    #[arg(long, value_delimiter = ',', default_value = "2,5,30")]
    stops: Vec<u64>,
    /// Seconds for which nobody is heard; 0: that is left out
    #[arg(long, default_value_t = 60)]
    cut_seconds: u64,
    /// Seconds for which the queue is full
    #[arg(long, default_value_t = 30)]
    full_seconds: u64,
}

const CONFIG: &str = r#"
[server]
requests_per_s = 1000000

[store]
queue_rows = 20000

[[rules]]
rule_id = "system_disconnection"
window_size = 1
actions = []
"#;

/// Runs it.
///
/// # Errors
/// The server ended early, or cannot be asked.
pub(crate) fn run(bench: &Bench, options: &Options) -> Result<Report> {
    bench.prepare(CONFIG)?;
    let mut report = Report::new("vanish");
    let server = bench.start()?;
    let api = server.api();
    let fleet = Fleet::start(&api, options.systems);
    sleep(Duration::from_secs(options.warm_seconds));
    let mut told = Told { api: api.clone(), known: HashSet::new() };
    report.invariant("nobody is missed who is there", told.nobody());

    let one = lose_one(&fleet, &mut told, &mut report)?;
    lose_a_zone(&fleet, &mut told, one, options, &mut report)?;
    for &seconds in &options.stops {
        stop_the_host(&server, &mut told, seconds, &mut report)?;
    }
    if options.cut_seconds > 0 {
        cut(&fleet, &mut told, one, options, &mut report)?;
    }
    fill_the_queue(&api, &fleet, &mut told, options, &mut report)?;
    fleet.end();
    let ended = server.stop().map(|took| format!("after {}", show(took)));
    report.invariant("ends when asked", ended.map_err(|error| format!("{error:#}")));
    Ok(report)
}

/// One dies. Returns how long it took to be told.
fn lose_one(fleet: &Fleet, told: &mut Told, report: &mut Report) -> Result<Duration> {
    fleet.change(|dead| dead.extend([7]));
    let died_ms = fleet.last_sent_ms(7);
    let opened = told.wait_for("s7")?;
    let took = since(died_ms);
    report.figure("one that dies is told after", show(took));
    fleet.change(HashSet::clear);
    told.wait_for_the_end(&opened)?;
    Ok(took)
}

/// A tenth of all die together.
fn lose_a_zone(
    fleet: &Fleet,
    told: &mut Told,
    one: Duration,
    options: &Options,
    report: &mut Report,
) -> Result<()> {
    let zone = || (0..options.systems).filter(|&system| zone_of(system) == 3);
    fleet.change(|dead| dead.extend(zone()));
    let died_ms = zone().map(|system| fleet.last_sent_ms(system)).max().unwrap_or_default();
    let opened = told.wait_for("zone=z3")?;
    let took = since(died_ms);
    let target = format!("<= {ZONE_FACTOR} times that");
    report.target(
        "a zone that vanishes is told after",
        show(took),
        &target,
        took <= one.mul_f64(ZONE_FACTOR),
    );
    let wanted = zone().count() as u64;
    let path = path_of(&opened);
    let all = wait(|| Ok(told.api.get(&path)?["evidence"]["group"]["gone"] == wanted))?;
    let detection = told.api.get(&path)?;
    let description = detection["description"].as_str().unwrap_or_default().to_owned();
    report.invariant(
        "as one detection",
        if all { told.nobody().map(|_| description) } else { Err(description) },
    );
    fleet.change(HashSet::clear);
    told.wait_for_the_end(&opened)
}

fn stop_the_host(server: &Server, told: &mut Told, seconds: u64, report: &mut Report) -> Result<()> {
    let pid = Pid::from_raw(server.pid() as i32);
    kill(pid, Signal::SIGSTOP).context("SIGSTOP cannot be sent")?;
    sleep(Duration::from_secs(seconds));
    kill(pid, Signal::SIGCONT).context("SIGCONT cannot be sent")?;
    sleep(SETTLES);
    report.invariant(&format!("the host is stopped for {seconds} s"), told.nobody());
    Ok(())
}

/// Nobody is heard; one dies meanwhile.
fn cut(fleet: &Fleet, told: &mut Told, one: Duration, options: &Options, report: &mut Report) -> Result<()> {
    let before = told.blind()?.len();
    fleet.change(|dead| dead.extend(0..options.systems));
    sleep(Duration::from_secs(options.cut_seconds));
    let quiet = told.nobody();
    fleet.change(|dead| {
        dead.clear();
        dead.insert(8);
    });
    let back_ms = now_ms();
    let opened = told.wait_for("s8")?;
    let took = since(back_ms);
    report.invariant(&format!("nobody is heard for {} s", options.cut_seconds), quiet.and(told.nobody()));
    let blind: Vec<Value> = told.blind()?.split_off(before);
    let causes: Vec<&str> = blind.iter().filter_map(|blind| blind["cause"].as_str()).collect();
    let said = causes.join(", ");
    report.invariant("one blindness", if causes.len() == 1 { Ok(said) } else { Err(said) });
    let target = "<= the time of one, and an interval";
    report.target("who died in it is told after", show(took), target, took <= one + INTERVAL);
    fleet.change(HashSet::clear);
    told.wait_for_the_end(&opened)
}

/// So much is sent that the queue is full, and heartbeats are refused.
fn fill_the_queue(
    api: &Api,
    fleet: &Fleet,
    told: &mut Told,
    options: &Options,
    report: &mut Report,
) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(options.full_seconds);
    let refused_before = fleet.refused();
    let floods: Vec<JoinHandle<()>> = (0..24)
        .map(|flood| {
            let api = api.clone();
            std::thread::spawn(move || {
                let mut number = 0_u64;
                let mut connection = None;
                while Instant::now() < until {
                    number += 1;
                    let rows: String = (0..2000)
                        .map(|row| format!("{{\"system_id\":\"flood-{flood}-{row}\",\"value\":{number}}}\n"))
                        .collect();
                    drop(beat(&api, &mut connection, &rows));
                }
            })
        })
        .collect();
    for flood in floods {
        flood.join().ok();
    }
    sleep(SETTLES);
    let refused = fleet.refused() - refused_before;
    report.figure("heartbeats refused while the queue was full", format!("{refused} requests"));
    // The flood itself ends: its systems are gone, and together.
    let missed = told.new_ones()?.into_iter().filter(|detection| {
        !detection["system_id"].as_str().unwrap_or_default().starts_with("flood")
            && detection["evidence"]["group"]["label"] != "system_type"
    });
    let missed = missed.count();
    let name = format!("the queue is full for {} s", options.full_seconds);
    report.invariant(
        &name,
        if missed == 0 { Ok("nobody is missed".to_owned()) } else { Err(format!("{missed} are")) },
    );
    Ok(())
}

/// What the server has told.
struct Told {
    api: Api,
    known: HashSet<String>,
}

impl Told {
    /// Detections that were not there when this was last asked.
    fn new_ones(&mut self) -> Result<Vec<Value>> {
        let mut new = self.api.pages("/api/v1/detections", "detections", 500, "")?;
        new.retain(|detection| self.known.insert(id_of(detection)));
        Ok(new)
    }

    /// That there are none, in words.
    fn nobody(&mut self) -> Result<String, String> {
        let new = self.new_ones().map_err(|error| format!("{error:#}"))?;
        let names: Vec<&str> = new.iter().take(5).filter_map(|new| new["system_id"].as_str()).collect();
        if new.is_empty() {
            Ok("nobody else is missed".to_owned())
        } else {
            Err(format!("{}: {names:?}", new.len()))
        }
    }

    /// The detection of a system, once it is there.
    fn wait_for(&mut self, system: &str) -> Result<Value> {
        let query = format!("/api/v1/detections?status=active&system_id={}", system.replace('=', "%3D"));
        let mut found = Value::Null;
        wait(|| {
            found = self.api.get(&query)?["detections"].get(0).cloned().unwrap_or_default();
            Ok(!found.is_null())
        })?;
        anyhow::ensure!(!found.is_null(), "{system} was not missed within {PATIENCE:?}");
        self.known.insert(id_of(&found));
        Ok(found)
    }

    fn wait_for_the_end(&self, detection: &Value) -> Result<()> {
        let path = path_of(detection);
        let over = wait(|| Ok(self.api.get(&path)?["status"] == "resolved"))?;
        anyhow::ensure!(over, "{path} was not over within {PATIENCE:?}");
        Ok(())
    }

    fn blind(&self) -> Result<Vec<Value>> {
        Ok(self.api.get("/api/v1/observer")?["blind"].as_array().cloned().unwrap_or_default())
    }
}

fn id_of(detection: &Value) -> String {
    detection["detection_id"].as_str().unwrap_or_default().to_owned()
}

fn path_of(detection: &Value) -> String {
    format!("/api/v1/detections/{}", id_of(detection))
}

/// From a moment to now.
fn since(from_ms: i64) -> Duration {
    Duration::from_millis((now_ms() - from_ms).max(0) as u64)
}

/// Looks until it is so, or for too long.
fn wait(mut look: impl FnMut() -> Result<bool>) -> Result<bool> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if look()? {
            return Ok(true);
        }
        sleep(Duration::from_millis(50));
    }
    Ok(false)
}

/// Systems that send a heartbeat each second while they live.
struct Fleet {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    dead: Mutex<HashSet<u32>>,
    state: Mutex<Sent>,
}

#[derive(Default)]
struct Sent {
    ends: bool,
    refused: u64,
    last_ms: Vec<i64>,
}

impl Fleet {
    fn start(api: &Api, systems: u32) -> Self {
        let shared = Arc::new(Shared::default());
        lock(&shared.state).last_ms = vec![0; systems as usize];
        let (api, sent) = (api.clone(), Arc::clone(&shared));
        let thread = std::thread::spawn(move || {
            let started = Instant::now();
            let mut connection = None;
            for turn in 0.. {
                sleep((started + INTERVAL / PARTS * turn).saturating_duration_since(Instant::now()));
                if lock(&sent.state).ends {
                    return;
                }
                let alive: Vec<u32> = {
                    let dead = lock(&sent.dead);
                    (0..systems)
                        .filter(|system| system % PARTS == turn % PARTS)
                        .filter(|system| !dead.contains(system))
                        .collect()
                };
                if alive.is_empty() {
                    continue;
                }
                // The zone has nothing to do with the request that a system is in.
                let line = |system: &u32| {
                    format!("{{\"system_id\":\"s{system}\",\"zone\":\"z{}\"}}\n", zone_of(*system))
                };
                let rows: String = alive.iter().map(line).collect();
                let at = now_ms();
                let taken = beat(&api, &mut connection, &rows);
                let mut state = lock(&sent.state);
                match taken {
                    Ok(200) => alive.iter().for_each(|system| state.last_ms[*system as usize] = at),
                    _ => state.refused += 1,
                }
            }
        });
        Self { shared, thread }
    }

    fn change(&self, change: impl FnOnce(&mut HashSet<u32>)) {
        change(&mut lock(&self.shared.dead));
    }

    fn last_sent_ms(&self, system: u32) -> i64 {
        lock(&self.shared.state).last_ms[system as usize]
    }

    fn refused(&self) -> u64 {
        lock(&self.shared.state).refused
    }

    fn end(self) {
        lock(&self.shared.state).ends = true;
        self.thread.join().ok();
    }
}

fn zone_of(system: u32) -> u32 {
    system / PARTS % 10
}

/// Sends heartbeats. Returns the status.
fn beat(api: &Api, connection: &mut Option<Connection>, rows: &str) -> Result<u16> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => Connection::open(api.address(), PATIENCE)?,
    };
    let head = api.head("POST", "/api/v1/heartbeats", rows.len(), "content-type: application/x-ndjson\r\n");
    let mut answer = Vec::new();
    let head = open.exchange(head.as_bytes(), rows.as_bytes(), &mut answer)?;
    if open.is_usable() {
        *connection = Some(open);
    }
    Ok(head.status)
}
