//! `hostile`: ten components that misbehave in ten ways, beside rules that must not notice.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use super::{FleetArgs, component, stepped};
use crate::client::{Api, Event};
use crate::counts;
use crate::fleet::Mark;
use crate::metrics::Figure;
use crate::report::{Report, show, show_mb};
use crate::sender::{Load, Pace, WhenFull, lock};
use crate::server::{Bench, MetricNames, Server};

mod guests;

use guests::{Containment, GUESTS, Watch};

/// The plugin whose rules misbehave as their settings say; its rules' names begin so as well.
const PLUGIN: &str = "hostile";
/// The plugin whose table grows without end.
const TABLE_BOMB: &str = "hostile_table_bomb";
/// Milliseconds between the times of two samples of a system.
const STEP_MS: i64 = 5_000;
/// After a 429 a sender asks again this soon: the figure is what the server takes.
const ASK_AGAIN: Duration = Duration::from_millis(10);
/// How long judging may take after the last batch.
const DRAIN: Duration = Duration::from_secs(60);
/// A component that is never configured is refused within this.
const REFUSED_WITHIN: Duration = Duration::from_secs(10);
/// The load before anything is measured.
const WARM_UP: Duration = Duration::from_secs(5);
/// The log that ten hostile components may fill.
const LOG_BYTES_MAX: u64 = 20 << 20;
/// The share of the rate without them that is wanted with them.
const SHARE: f64 = 0.9;

/// Options of `hostile`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    fleet: FleetArgs,
    /// The rule component that misbehaves as its settings say (tests/guests/hostile)
    #[arg(long)]
    component: PathBuf,
    /// The scorer component that does (tests/guests/hostile-scorer); without it no scorer is tried
    #[arg(long)]
    scorer: Option<PathBuf>,
    /// Push the rule component once for every rule, under the rule's name, and not once for all
    #[arg(long)]
    plugin_each: bool,
    /// How long each of the measured phases is
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// How long the components are given to be found out before the phase with them is measured
    #[arg(long, default_value_t = 10)]
    onset_seconds: u64,
}

/// Runs it.
///
/// # Errors
/// The server or the load ended early, or the API refused what it should take.
pub(crate) fn run(bench: &Bench, options: &Options) -> Result<Report> {
    let hostile = component(&options.component)?;
    let scorer = options.scorer.as_deref().map(scorer_config).transpose()?.unwrap_or_default();
    bench.prepare(&format!("{scorer}\n{}", options.fleet.config()))?;
    let mut server = bench.start()?;
    let api = server.api();
    let names = MetricNames { skip: Some(PLUGIN), ..bench.metrics.clone() };
    let before = counts::read(&api, &names)?;
    let events = Arc::new(Mutex::new(Vec::<Event>::new()));
    let reader = read_events(&api, &events)?;

    // One row in a while is one that a rule cannot bear.
    let value = Arc::new(|sample, system| if system == 0 && sample % 50 == 5 { 13 } else { 1 });
    let mark = Mark { metric: "value", every: 100, value };
    let pace =
        Pace { rate: 0, connections: options.fleet.connections, when_full: WhenFull::AskAgain(ASK_AGAIN) };
    let load = Load::start(&api, options.fleet.bodies(stepped(STEP_MS), Some(mark)), pace)?;
    let mut watch = Watch::default();
    phase(&mut server, &load, &mut watch, WARM_UP)?;
    let seconds = Duration::from_secs(options.seconds);
    let first = phase(&mut server, &load, &mut watch, seconds)?;
    let mut report = Report::new("hostile");
    let began = Instant::now();
    let refused = arrive(&api, options, &hostile)?;
    report.figure("pushed and set up in", show(began.elapsed()));
    let onset = phase(&mut server, &load, &mut watch, Duration::from_secs(options.onset_seconds))?;
    let with = phase(&mut server, &load, &mut watch, seconds)?;
    let dead_letters = api.pages("/api/v1/dead-letters", "dead_letters", 100, "")?;
    let figures = api.metrics()?;
    leave(&mut report, &api, options);
    let again = phase(&mut server, &load, &mut watch, seconds)?;
    let (_, tally) = load.stop()?;

    let without = f64::midpoint(first, again);
    report.figure("rate without, before and after", format!("{first:.0}/s, {again:.0}/s"));
    report.figure("rate while they are found out", format!("{onset:.0}/s"));
    let share = with / without.max(1.0);
    let text = format!("{with:.0}/s, {:.1} % of that without", share * 100.0);
    report.target("rate with them", text, ">= 90 %", share >= SHARE);
    report.figure("429s", tally.full.to_string());
    report.invariant("clean answers", tally.clean());
    for guest in GUESTS.iter().filter(|guest| guest.containment != Containment::Refused) {
        let found = watch.verdict(guest, &lock(&events), &dead_letters, &figures);
        report.invariant(guest.rule, found);
    }
    for (rule, found) in refused {
        report.invariant(rule, found);
    }
    report.invariant("the others go on", counts::prove(&api, &names, &before, tally.accepted, DRAIN)?);
    report.invariant("no other rule in quarantine", watch.others());
    report.invariant("confidence within 0 to 1", confidences(&api)?);
    if options.scorer.is_some() {
        report.invariant("the scorers are named", scorers_named(&figures));
    }
    let log = show_mb(bench.log_bytes() as f64);
    let bounded = bench.log_bytes() <= LOG_BYTES_MAX;
    report.invariant("log bounded", if bounded { Ok(log) } else { Err(log) });
    let ended = server.stop().map(|took| format!("after {}", show(took)));
    report.invariant("ends when asked", ended.map_err(|error| format!("{error:#}")));
    reader.join().ok();
    Ok(report)
}

fn read_events(api: &Api, events: &Arc<Mutex<Vec<Event>>>) -> Result<std::thread::JoinHandle<()>> {
    let mut stream = api.events(None)?;
    let events = Arc::clone(events);
    Ok(std::thread::spawn(move || {
        while let Ok(Some(event)) = stream.next() {
            if event.kind.starts_with("plugin_") {
                lock(&events).push(event);
            }
        }
    }))
}

/// Lets the load run and looks at the rules meanwhile; rows accepted a second.
fn phase(server: &mut Server, load: &Load, watch: &mut Watch, length: Duration) -> Result<f64> {
    let (began, accepted) = (Instant::now(), load.accepted());
    let mut looked = Instant::now();
    while began.elapsed() < length {
        sleep(Duration::from_millis(100).min(length.saturating_sub(began.elapsed())));
        if let Some(status) = server.ended()? {
            bail!("the server ended by itself: {status}");
        }
        if load.has_failed() {
            break;
        }
        if looked.elapsed() >= Duration::from_millis(500) {
            watch.look(&server.api().rules()?);
            looked = Instant::now();
        }
    }
    let rate = (load.accepted() - accepted) as f64 / began.elapsed().as_secs_f64();
    watch.look(&server.api().rules()?);
    Ok(rate)
}

/// Pushes the components and puts the rules in force. What should be refused, and whether it was.
fn arrive(
    api: &Api,
    options: &Options,
    hostile: &[u8],
) -> Result<Vec<(&'static str, Result<String, String>)>> {
    let bomb = wat::parse_str(include_str!("hostile/table-bomb.wat")).context("the table bomb")?;
    if !options.plugin_each {
        push(api, PLUGIN, hostile)?;
    }
    let mut refused = Vec::new();
    for guest in GUESTS {
        let is_bomb = guest.rule == TABLE_BOMB;
        let plugin = if is_bomb || options.plugin_each { guest.rule } else { PLUGIN };
        if is_bomb || options.plugin_each {
            push(api, plugin, if is_bomb { &bomb } else { hostile })?;
        }
        if is_bomb {
            continue;
        }
        // Few lines enough that the flood is the host's trouble and not a slow component.
        let settings = json!({ "behaviour": guest.behaviour, "lines": 500, "line_bytes": 2000 });
        let body = json!({ "plugin": plugin, "settings": settings });
        let path = format!("/api/v1/rules/{}", guest.rule);
        let began = Instant::now();
        let answer = api.call("PUT", &path, "application/json", body.to_string().as_bytes())?;
        let took = began.elapsed();
        let said = format!("{} after {}: {}", answer.status, show(took), answer.text());
        if guest.containment != Containment::Refused {
            if !answer.is_success() {
                bail!("PUT {path}: {said}");
            }
        } else if answer.status / 100 == 4 && took <= REFUSED_WITHIN {
            refused.push((guest.rule, Ok(said)));
        } else {
            refused.push((guest.rule, Err(said)));
        }
    }
    Ok(refused)
}

fn push(api: &Api, plugin: &str, component: &[u8]) -> Result<()> {
    let path = format!("/api/v1/plugins/{plugin}?stage=live");
    let answer = api.call("POST", &path, "application/wasm", component)?;
    if !answer.is_success() {
        bail!("POST {path}: {}: {}", answer.status, answer.text());
    }
    Ok(())
}

/// Takes the rules and plugins away again.
fn leave(report: &mut Report, api: &Api, options: &Options) {
    let mut plugins = vec![TABLE_BOMB];
    if !options.plugin_each {
        plugins.push(PLUGIN);
    }
    for guest in GUESTS.iter().filter(|guest| guest.rule != TABLE_BOMB) {
        if guest.containment != Containment::Refused {
            remove(report, api, &format!("/api/v1/rules/{}", guest.rule));
        }
        if options.plugin_each {
            plugins.push(guest.rule);
        }
    }
    for plugin in plugins {
        remove(report, api, &format!("/api/v1/plugins/{plugin}"));
    }
}

fn remove(report: &mut Report, api: &Api, path: &str) {
    match api.send("DELETE", path, &Value::Null) {
        Ok(_) => {}
        Err(error) => report.note(format!("could not be taken away: {error:#}")),
    }
}

/// Whatever a scorer answers, a confidence stays one.
fn confidences(api: &Api) -> Result<Result<String, String>> {
    let detections = api.pages("/api/v1/detections", "detections", 500, "")?;
    let wrong = detections.iter().find(|detection| {
        !detection["confidence"].as_f64().is_some_and(|confidence| (0.0..=1.0).contains(&confidence))
    });
    Ok(match wrong {
        None => Ok(format!("{} detections", detections.len())),
        Some(detection) => Err(format!("{} has {}", detection["detection_id"], detection["confidence"])),
    })
}

/// Whether a metric has the name of each scorer whose answers are against the contract.
fn scorers_named(figures: &[Figure]) -> Result<String, String> {
    let unnamed: Vec<_> = ["hostile_out_of_range", "hostile_too_few", "hostile_panic_in_score"]
        .into_iter()
        .filter(|scorer| !figures.iter().any(|figure| figure.series.contains(&format!("\"{scorer}\""))))
        .collect();
    if unnamed.is_empty() { Ok("in /metrics".to_owned()) } else { Err(format!("no metric has {unnamed:?}")) }
}

fn scorer_config(path: &Path) -> Result<String> {
    let path = path.canonicalize().with_context(|| format!("{} cannot be read", path.display()))?;
    let mut config = format!("[plugins.hostile_scorer]\nfile = {:?}\n", path.display().to_string());
    for behaviour in ["nan", "out_of_range", "too_few", "panic_in_score", "huge_model"] {
        config.push_str(&format!(
            "[[scorers]]\nscorer_id = \"hostile_{behaviour}\"\nplugin = \"hostile_scorer\"\nweight = 0.2\n\
             settings = {{ behaviour = \"{behaviour}\" }}\n"
        ));
    }
    Ok(config)
}
