//! `overload`: far more than the server can take, and what it says to that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use clap::Args;

use super::{FleetArgs, stepped};
use crate::client::Api;
use crate::counts;
use crate::latencies::Latencies;
use crate::report::{Report, show, show_mb};
use crate::sender::{Load, Pace, WhenFull};
use crate::server::Bench;

/// Milliseconds between the times of two samples of a system.
const STEP_MS: i64 = 5_000;
/// How long judging may take after the last batch.
const DRAIN: Duration = Duration::from_secs(120);
/// How often the server is asked whether it is alive.
const HEALTH_EVERY: Duration = Duration::from_millis(100);
/// After a 429 a sender asks again this soon, which is what makes it an overload.
const ASK_AGAIN: Duration = Duration::from_millis(2);

/// Options of `overload`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    fleet: FleetArgs,
    /// How long
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Senders for each connection of the other programs
    #[arg(long, default_value_t = 50)]
    crowd: usize,
    /// The most memory that the server may come to, in megabytes
    #[arg(long, default_value_t = 2048)]
    rss_mb_max: u64,
}

/// Runs it.
///
/// # Errors
/// The server or the load ended early.
pub(crate) fn run(bench: &Bench, options: &Options) -> Result<Report> {
    bench.prepare(&options.fleet.config())?;
    let mut server = bench.start()?;
    let api = server.api();
    let before = counts::read(&api, &bench.metrics)?;
    let mut fleet = options.fleet.clone();
    fleet.connections *= options.crowd.max(1);
    let health = Health::watch(&api);
    let pace = Pace { rate: 0, connections: fleet.connections, when_full: WhenFull::AskAgain(ASK_AGAIN) };
    let load = Load::start(&api, fleet.bodies(stepped(STEP_MS), None), pace)?;
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let mut rss_max = 0;
    while Instant::now() < end && !load.has_failed() {
        sleep(Duration::from_millis(200));
        if let Some(status) = server.ended()? {
            bail!("the server ended by itself: {status}");
        }
        rss_max = rss_max.max(server.rss_bytes()?);
    }
    let elapsed_s = load.elapsed_s();
    let (_, tally) = load.stop()?;
    let began = Instant::now();
    let proof = counts::prove(&api, &bench.metrics, &before, tally.accepted, DRAIN)?;
    let drained = began.elapsed();
    rss_max = rss_max.max(server.rss_bytes()?);
    let (answers, unhealthy) = health.stop()?;

    let mut report = Report::new("overload");
    let offers = tally.batches + tally.full;
    report.figure("connections", fleet.connections.to_string());
    report.figure("accepted", format!("{:.0} samples/s", tally.accepted as f64 / elapsed_s));
    let share = tally.full as f64 / offers.max(1) as f64 * 100.0;
    let text = format!("{} of {offers} batches offered ({share:.0} %)", tally.full);
    report.target("429s", text, "at least one", tally.full > 0);
    report.latency("accept latency", &tally.accept);
    report.invariant("429 with Retry-After, nothing broken", tally.clean());
    let most = options.rss_mb_max as f64 * 1e6;
    let memory = format!("{} at most", show_mb(rss_max as f64));
    report.invariant(
        "server memory bounded",
        if rss_max as f64 <= most { Ok(memory) } else { Err(format!("{memory}, {}", show_mb(most))) },
    );
    report.latency("/healthz", &answers);
    report.invariant(
        "alive all the time",
        match unhealthy.first() {
            None => Ok(format!("{} answers within 1 s", answers.len())),
            Some(first) => Err(format!("{} times no answer within 1 s, first: {first}", unhealthy.len())),
        },
    );
    report.figure("drained after", show(drained));
    report.invariant("everything accepted is judged", proof);
    let ended = server.stop().map(|took| format!("after {}", show(took)));
    report.invariant("ends when asked", ended.map_err(|error| format!("{error:#}")));
    Ok(report)
}

/// Asks, over and over, whether the server is alive.
struct Health {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<(Latencies, Vec<String>)>,
}

impl Health {
    fn watch(api: &Api) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (api, stopped) = (api.clone(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let (mut answers, mut failures) = (Latencies::default(), Vec::new());
            while !stopped.load(Ordering::Relaxed) {
                let began = Instant::now();
                let answer = api.health();
                let took = began.elapsed();
                match answer {
                    Ok(()) if took <= Duration::from_secs(1) => answers.add(took),
                    Ok(()) => failures.push(format!("an answer after {}", show(took))),
                    Err(error) => failures.push(format!("{error:#}")),
                }
                sleep(HEALTH_EVERY);
            }
            (answers, failures)
        });
        Self { stop, thread }
    }

    /// How long the answers took, and why there was none.
    fn stop(self) -> Result<(Latencies, Vec<String>)> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the watch on /healthz panicked"))
    }
}
