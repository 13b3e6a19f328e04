//! `load`: a steady load by the wall clock; rate, latency, memory, processor time.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;

use super::FleetArgs;
use crate::counts;
use crate::fleet::Clock;
use crate::proc::{cpu_time, slope};
use crate::report::{Report, show_mb};
use crate::sender::{Load, Pace, WhenFull};
use crate::server::{Bench, Server};

/// How long judging may take after the last batch.
const DRAIN: Duration = Duration::from_secs(60);
/// Counters shown have one of these in their names.
const SHOWN: [&str; 3] = ["rows", "trap", "queue"];
/// Memory is flat if it grows by less than this, in bytes a minute over the second half of the run,
const FLAT_BYTES_PER_MINUTE: f64 = 1e6;
/// and by less than this share.
const FLAT_SHARE: f64 = 0.1;
/// At `--rate 0` the figure is what the server takes, and a sender asks again after this.
const ASK_AGAIN: Duration = Duration::from_millis(20);
/// The target for the accept latency.
const ACCEPT_P99: Duration = Duration::from_millis(100);

/// Options of `load`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    fleet: FleetArgs,
    /// Samples a second; 0: as fast as it goes
    #[arg(long, default_value_t = 100_000)]
    rate: u64,
    /// How long
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Seconds between two looks at the server's memory
    #[arg(long, default_value_t = 1.0)]
    interval: f64,
}

/// Runs it.
///
/// # Errors
/// The server or the load ended early.
pub(crate) fn run(bench: &Bench, options: &Options) -> Result<Report> {
    bench.prepare(&options.fleet.config())?;
    let mut server = bench.start()?;
    let api = server.api();
    let mut report = Report::new("load");
    report.figure("ready after", crate::report::show(server.ready_after));
    let before = counts::read(&api, &bench.metrics)?;
    let client_cpu = cpu_time(std::process::id())?;
    let server_cpu = server.cpu_time()?;
    let when_full = if options.rate == 0 { WhenFull::AskAgain(ASK_AGAIN) } else { WhenFull::Obey };
    let pace = Pace { rate: options.rate, connections: options.fleet.connections, when_full };
    let load = Load::start(&api, options.fleet.bodies(Clock::Wall, None), pace)?;
    let memory = watch(&mut server, &load, options)?;
    let elapsed_s = load.elapsed_s();
    let (_, tally) = load.stop()?;
    let (server_cpu, client_cpu) =
        (server.cpu_time()? - server_cpu, cpu_time(std::process::id())? - client_cpu);

    let rate = tally.accepted as f64 / elapsed_s;
    let text = format!("{rate:.0} samples/s over {elapsed_s:.1} s");
    match options.rate {
        0 => report.figure("rate", text),
        wanted => {
            report.target("rate", text, &format!("99 % of {wanted} samples/s"), rate >= 0.99 * wanted as f64);
        }
    }
    let p99 = tally.accept.quantile(0.99);
    report.target("accept latency", tally.accept.to_string(), "p99 <= 100 ms", p99 <= ACCEPT_P99);
    if options.rate > 0 {
        report.latency("from its schedule", &tally.from_schedule);
    }
    report.figure("429s", tally.full.to_string());
    report.invariant("clean answers", tally.clean());
    memory_lines(&mut report, &memory);
    let per_sample = |cpu: Duration| cpu.as_secs_f64() * 1e6 / tally.accepted.max(1) as f64;
    for (name, cpu) in [("server cpu", server_cpu), ("client cpu", client_cpu)] {
        let text = format!("{:.1} s, {:.2} us a sample", cpu.as_secs_f64(), per_sample(cpu));
        report.figure(name, text);
    }
    let proof = counts::prove(&api, &bench.metrics, &before, tally.accepted, DRAIN)?;
    report.invariant("every row judged", proof);
    for figure in api.metrics()? {
        let is_bucket = figure.name.ends_with("_bucket");
        if !is_bucket && SHOWN.iter().any(|word| figure.name.contains(word)) {
            report.figure(&figure.series, figure.value.to_string());
        }
    }
    let ended = server.stop().map(|took| format!("after {}", crate::report::show(took)));
    report.invariant("ends when asked", ended.map_err(|error| format!("{error:#}")));
    Ok(report)
}

/// Seconds and bytes while the load runs.
fn watch(server: &mut Server, load: &Load, options: &Options) -> Result<Vec<(f64, f64)>> {
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let mut memory = Vec::new();
    while Instant::now() < end && !load.has_failed() {
        sleep(Duration::from_secs_f64(options.interval).min(end.saturating_duration_since(Instant::now())));
        if let Some(status) = server.ended()? {
            bail!("the server ended by itself: {status}");
        }
        memory.push((load.elapsed_s(), server.rss_bytes()? as f64));
    }
    Ok(memory)
}

fn memory_lines(report: &mut Report, memory: &[(f64, f64)]) {
    let (Some(first), Some(last)) = (memory.first(), memory.last()) else { return };
    // Ten looks, evenly over the run.
    let every = memory.len().div_ceil(10);
    let series: Vec<String> =
        memory.iter().step_by(every).map(|(at, bytes)| format!("{at:.0} s {:.0}", bytes / 1e6)).collect();
    report.figure("server memory (MB)", series.join(", "));
    let half = &memory[memory.len() / 2..];
    let a_minute = slope(half) * 60.0;
    let growth = last.1 / half[0].1 - 1.0;
    let text = format!(
        "{} at first, {} at last; second half: {}/min, {:+.1} %",
        show_mb(first.1),
        show_mb(last.1),
        show_mb(a_minute),
        growth * 100.0
    );
    let flat = a_minute < FLAT_BYTES_PER_MINUTE && growth < FLAT_SHARE;
    report.target("server memory", text, "flat: < 1 MB/min and < 10 % over the second half", flat);
}
