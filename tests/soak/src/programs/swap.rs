//! `swap`: a rule is replaced a hundred times under load, and no row goes by unjudged or is judged twice.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};

use super::{FleetArgs, component, stepped};
use crate::client::Api;
use crate::counts;
use crate::latencies::Latencies;
use crate::report::{Report, show};
use crate::sender::{Load, Pace, WhenFull};
use crate::server::Bench;
use crate::tally::Tally;

/// The plugin's name, and its rule's.
const PLUGIN: &str = "soak_swapped";
/// Milliseconds between the times of two samples of a system: it is not overdue before the rows are counted.
const STEP_MS: i64 = 20_000;
/// Every so many swaps one is a rollback.
const ROLLBACK_EVERY: u32 = 10;
/// How long judging may take after the last batch.
const DRAIN: Duration = Duration::from_secs(60);
/// The load before anything is measured.
const WARM_UP: Duration = Duration::from_secs(2);
/// Targets for a push or a swap until it is live: compiled before, and not.
const LIVE_CACHED: Duration = Duration::from_millis(100);
const LIVE_COLD: Duration = Duration::from_secs(2);

/// Options of `swap`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    fleet: FleetArgs,
    /// A rule component
    #[arg(long)]
    component_a: PathBuf,
    /// Another version of it [default: the same with another digest]
    #[arg(long)]
    component_b: Option<PathBuf>,
    /// Samples a second
    #[arg(long, default_value_t = 50_000)]
    rate: u64,
    /// Swaps
    #[arg(long, default_value_t = 100)]
    swaps: u32,
    /// Milliseconds between two swaps
    #[arg(long, default_value_t = 200)]
    every_ms: u64,
    /// Seconds of load without a swap, to compare with
    #[arg(long, default_value_t = 10)]
    quiet_seconds: u64,
}

/// Runs it.
///
/// # Errors
/// The server or the load ended early, or the API refused a push or a swap.
pub(crate) fn run(bench: &Bench, options: &Options) -> Result<Report> {
    let a = component(&options.component_a)?;
    let b = options.component_b.as_deref().map_or_else(|| Ok(renumbered(&a)), component)?;
    bench.prepare(&options.fleet.config())?;
    let cold_cache = std::fs::read_dir(bench.cache()).map_or(true, |mut files| files.next().is_none());
    let server = bench.start()?;
    let api = server.api();
    let mut report = Report::new("swap");

    // The rule is there before the first row, so that its count begins with the others'.
    let (version_a, took) = push(&api, &a)?;
    report.figure("push to live, first, idle", show(took));
    let before = counts::read(&api, &bench.metrics)?;
    let pace = Pace { rate: options.rate, connections: options.fleet.connections, when_full: WhenFull::Obey };
    let load = Load::start(&api, options.fleet.bodies(stepped(STEP_MS), None), pace)?;
    sleep(WARM_UP);
    let mut all = load.take();
    sleep(Duration::from_secs(options.quiet_seconds));
    let quiet = load.take();

    let (version_b, took) = push(&api, &b)?;
    report.target("push to live, first, under load", show(took), "<= 2 s", took <= LIVE_COLD);
    if !cold_cache {
        report
            .note("compiled components of an earlier run were there: the first pushes may have been cached");
    }
    let (again, took) = push(&api, &a)?;
    report.target("push to live, same bytes again", show(took), "<= 100 ms", took <= LIVE_CACHED);
    let pushing = load.take();

    let (times, wrong) = swap(&api, options, [version_a, version_b], again)?;
    let swapping = load.take();
    let (_, rest) = load.stop()?;
    [&quiet, &pushing, &swapping, &rest].into_iter().for_each(|tally| all.add(tally));

    let met = times.quantile(0.99) <= LIVE_CACHED;
    report.target("swap to live", times.to_string(), "p99 <= 100 ms", met);
    report.latency("accept latency, quiet", &quiet.accept);
    report.latency("accept latency, first pushes", &pushing.accept);
    report.latency("accept latency, swapping", &swapping.accept);
    let ratio = ratio(&swapping, &quiet);
    report.target("p99 swapping / quiet", format!("{ratio:.2}"), "<= 2", ratio <= 2.0);
    report.figure("429s", all.full.to_string());
    report.invariant("clean answers", all.clean());
    let swapped =
        if wrong.is_empty() { Ok(format!("{} swaps", options.swaps)) } else { Err(wrong.join("; ")) };
    report.invariant("what was asked is live", swapped);
    let proof = counts::prove(&api, &bench.metrics, &before, all.accepted, DRAIN)?;
    report.invariant("every row judged once", proof);
    let rules = api.rules()?;
    let rule = rules.iter().find(|rule| counts::rule_id(rule) == PLUGIN);
    report.invariant("the swapped rule did not fail", unfailing(rule));
    let ended = server.stop().map(|took| format!("after {}", show(took)));
    report.invariant("ends when asked", ended.map_err(|error| format!("{error:#}")));
    Ok(report)
}

/// Pushes a component so that it is live; its version, and how long it took until the API says so.
fn push(api: &Api, component: &[u8]) -> Result<(u64, Duration)> {
    let path = format!("/api/v1/plugins/{PLUGIN}?stage=live");
    let started = Instant::now();
    let answer = api.call("POST", &path, "application/wasm", component)?;
    let took = started.elapsed();
    if !answer.is_success() {
        anyhow::bail!("POST {path}: {}: {}", answer.status, answer.text());
    }
    let version = answer.json()["version"].as_u64();
    let version = version.with_context(|| format!("POST {path} names no version: {}", answer.text()))?;
    let live = live(api)?;
    if live != Some(version) {
        anyhow::bail!("version {version} was pushed to be live, and {live:?} is");
    }
    Ok((version, took))
}

fn live(api: &Api) -> Result<Option<u64>> {
    let plugin = api.get(&format!("/api/v1/plugins/{PLUGIN}"))?;
    let live = &plugin["live"];
    Ok(live.as_u64().or_else(|| live["version"].as_u64()))
}

/// Swaps back and forth; how long each took, and where another version is live than was asked for.
fn swap(api: &Api, options: &Options, versions: [u64; 2], live_now: u64) -> Result<(Latencies, Vec<String>)> {
    let (mut times, mut wrong) = (Latencies::default(), Vec::new());
    let mut current = live_now;
    let mut previous = Some(versions[1]);
    let every = Duration::from_millis(options.every_ms);
    let started = Instant::now();
    for swap in 0..options.swaps {
        sleep((started + every * swap).saturating_duration_since(Instant::now()));
        let back = swap % ROLLBACK_EVERY == ROLLBACK_EVERY - 1;
        let (path, body, wanted) = if let Some(previous) = previous.filter(|_| back) {
            (format!("/api/v1/plugins/{PLUGIN}/rollback"), Value::Null, previous)
        } else {
            let next = if current == versions[0] { versions[1] } else { versions[0] };
            (format!("/api/v1/plugins/{PLUGIN}/promote"), json!({ "version": next }), next)
        };
        let began = Instant::now();
        let answer = api.send("POST", &path, &body)?;
        times.add(began.elapsed());
        if answer["live"].as_u64() != Some(wanted) {
            wrong.push(format!("swap {swap}: {path} for version {wanted} answered {answer}"));
        }
        previous = Some(current);
        current = wanted;
    }
    if let found = live(api)?
        && found != Some(current)
    {
        wrong.push(format!("at the end version {current} should be live, and {found:?} is"));
    }
    Ok((times, wrong))
}

fn ratio(swapping: &Tally, quiet: &Tally) -> f64 {
    let p99 = |tally: &Tally| tally.accept.quantile(0.99).as_secs_f64().max(1e-6);
    p99(swapping) / p99(quiet)
}

fn unfailing(rule: Option<&Value>) -> Result<String, String> {
    let rule = rule.ok_or_else(|| format!("there is no rule {PLUGIN}"))?;
    let failures = counts::cost(rule, "failures").map_err(|error| format!("{error:#}"))?;
    let unjudged = counts::cost(rule, "unjudged_rows").map_err(|error| format!("{error:#}"))?;
    match (failures, unjudged) {
        (0, 0) => Ok("no failed call, no unjudged row".to_owned()),
        _ => Err(format!("{failures} failed calls, {unjudged} unjudged rows")),
    }
}

/// The same component with one more custom section: it does the same and has another digest.
fn renumbered(component: &[u8]) -> Vec<u8> {
    // Section 0, six bytes: a name of four, and one byte of content.
    [component, b"\x00\x06\x04soak\x01"].concat()
}
