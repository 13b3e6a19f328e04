//! `telling`: from a failing sample to the webhook, one page for one cause, and everything that is owed after an outage.

use std::collections::{HashMap, HashSet};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::client::Api;
use crate::clock::now_ms;
use crate::fleet::line;
use crate::http::Connection;
use crate::latencies::Latencies;
use crate::receiver::{Message, Receiver};
use crate::report::{Report, show};
use crate::sender::post;
use crate::server::{Bench, Server};

/// Between two batches of failures.
const EVERY: Duration = Duration::from_millis(10);
/// How long the last messages may take: a breaker that has been open for long is tried every five minutes.
const PATIENCE: Duration = Duration::from_secs(400);
/// From the answer to the webhook.
const WEBHOOK_P99: Duration = Duration::from_millis(100);
/// From the first failure of a zone to its page.
const PAGE_WITHIN: Duration = Duration::from_secs(5);
/// Event time after which a healthy sample resolves.
const RECOVERY_MS: i64 = 60_000;

/// Options of `telling`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Failures a second
    #[arg(long, default_value_t = 1000)]
    rate: usize,
    /// How long
    #[arg(long, default_value_t = 30)]
    seconds: usize,
    /// Systems of the zone that fails
    #[arg(long, default_value_t = 1000)]
    zone: usize,
    /// Seconds within which they do
    #[arg(long, default_value_t = 60)]
    zone_seconds: usize,
    /// Actions owed while the receiver is down: half of them pages, half of them their ends
    #[arg(long, default_value_t = 10_000)]
    owed: usize,
    /// Seconds that the receiver is down, with a kill -9 in the middle
    #[arg(long, default_value_t = 600)]
    outage_seconds: u64,
}

fn config(receiver: &Receiver) -> String {
    let url = &receiver.url;
    format!(
        r#"
[input]
clock_ahead_s = 86400.0
future_s = 31536000.0

[server]
requests_per_s = 1000000

[[actions]]
action_id = "hook"
plugin = "send_alert"
settings = {{ kind = "webhook", url = "{url}/" }}
grants = {{ hosts = ["{url}"] }}
delivery = {{ concurrency = 64, backoff_max_s = 20.0, attempts_max = 1000, breaker_s = 1.0 }}

[[rules]]
rule_id = "system_disconnection"
threshold = 1000.0
actions = ["send_alert"]

[alerts]
group_wait_s = 0.0
[alerts.route]
receivers = ["hook"]
group_by = ["rule_id", "system_id"]
[[alerts.route.routes]]
name = "zone"
match = {{ zone = "eu-1" }}
group_by = ["rule_id", "zone"]
group_wait_s = 3.0
"#
    )
}

/// Runs it.
///
/// # Errors
/// The server ended early, or cannot be asked.
pub(crate) fn run(bench: &Bench, options: &Options) -> Result<Report> {
    let receiver = Receiver::start()?;
    bench.prepare(&config(&receiver))?;
    let mut report = Report::new("telling");
    let server = bench.start()?;
    at_a_rate(&server.api(), &receiver, options, &mut report)?;
    one_cause(&server.api(), &receiver, options, &mut report)?;
    let server = outage(bench, server, &receiver, options, &mut report)?;
    let ended = server.stop().map(|took| format!("after {}", show(took)));
    report.invariant("ends when asked", ended.map_err(|error| format!("{error:#}")));
    Ok(report)
}

fn at_a_rate(api: &Api, receiver: &Receiver, options: &Options, report: &mut Report) -> Result<()> {
    let each = (options.rate * EVERY.as_millis() as usize / 1000).max(1);
    let batches = options.rate * options.seconds / each;
    let mut connection = None;
    let mut answered = HashMap::new();
    let started = Instant::now();
    for batch in 0..batches {
        sleep((started + EVERY * batch as u32).saturating_duration_since(Instant::now()));
        let systems: Vec<String> =
            (0..each).map(|place| format!("rate-{:06}", batch * each + place)).collect();
        let body: String = systems.iter().map(|system| line(system, now_ms(), true)).collect();
        send(api, &mut connection, &body)?;
        let at = Instant::now();
        answered.extend(systems.into_iter().map(|system| (system, at)));
    }
    let took = started.elapsed();
    wait(|| receiver.taken() >= answered.len());
    let messages = receiver.messages();
    let mut latencies = Latencies::default();
    for message in &messages {
        if let Some(answered) = answered.get(&message.system) {
            latencies.add(message.at.saturating_duration_since(*answered));
        }
    }
    report.figure(
        "failures",
        format!("{} at {:.0}/s", answered.len(), answered.len() as f64 / took.as_secs_f64()),
    );
    let met = latencies.quantile(0.99) <= WEBHOOK_P99;
    report.target("answer to webhook", latencies.to_string(), "p99 <= 100 ms", met);
    report.invariant("one page each", each_once(&messages, answered.len()));
    Ok(())
}

fn each_once(messages: &[Message], wanted: usize) -> Result<String, String> {
    let keys: HashSet<&str> = messages.iter().map(|message| message.key.as_str()).collect();
    let said = format!("{} messages, {} keys, {wanted} failures", messages.len(), keys.len());
    if keys.len() == wanted && messages.len() == wanted { Ok(said) } else { Err(said) }
}

fn one_cause(api: &Api, receiver: &Receiver, options: &Options, report: &mut Report) -> Result<()> {
    let before = receiver.messages().len();
    let mut connection = None;
    let started = Instant::now();
    let pause = Duration::from_secs(options.zone_seconds as u64) / options.zone.max(1) as u32;
    for place in 0..options.zone {
        sleep((started + pause * place as u32).saturating_duration_since(Instant::now()));
        let sample = line(&format!("zone-{place:06}"), now_ms(), true);
        let sample =
            sample.replace("\"queue_depth\"", "\"custom_metrics\":{\"zone\":\"eu-1\"},\"queue_depth\"");
        send(api, &mut connection, &sample)?;
    }
    // An update of a group that has grown tenfold comes within ten seconds.
    let whole = |messages: &[Message]| messages.iter().any(|message| message.firing >= options.zone as u64);
    let deadline = Instant::now() + Duration::from_secs(15);
    while !whole(&receiver.messages()[before..]) && Instant::now() < deadline {
        sleep(EVERY);
    }
    let messages = &receiver.messages()[before..];
    let pages: Vec<&Message> = messages.iter().filter(|message| message.kind == "page").collect();
    let Some(page) = pages.first() else { bail!("nobody was told of the zone") };
    let took = page.at.saturating_duration_since(started);
    let updates = messages.len() - pages.len();
    report.target(
        "one cause",
        format!("{} page after {}, {updates} updates: {:?}", pages.len(), show(took), page.title),
        "1 page within 5 s, naming the zone",
        pages.len() == 1 && took <= PAGE_WITHIN && page.title.contains("zone eu-1"),
    );
    let most = messages.iter().map(|message| message.firing).max().unwrap_or(0);
    report.figure("counted in the last update", format!("{most} of {}", options.zone));
    Ok(())
}

fn outage(
    bench: &Bench,
    server: Server,
    receiver: &Receiver,
    options: &Options,
    report: &mut Report,
) -> Result<Server> {
    let before = receiver.messages().len();
    receiver.set_down(true);
    let started = Instant::now();
    let outage = Duration::from_secs(options.outage_seconds);
    let systems: Vec<String> = (0..options.owed / 2).map(|place| format!("owed-{place:06}")).collect();
    tell_all(&server.api(), &systems, 0, true)?;
    tell_all(&server.api(), &systems, RECOVERY_MS, false)?;
    sleep((started + outage / 2).saturating_duration_since(Instant::now()));
    server.kill()?;
    let server = bench.start()?;
    sleep((started + outage).saturating_duration_since(Instant::now()));
    receiver.set_down(false);
    let back = Instant::now();
    let taken = |messages: &[Message]| -> HashSet<String> {
        let taken = messages.iter().filter(|message| message.taken);
        taken.map(|message| message.key.clone()).collect()
    };
    wait(|| taken(&receiver.messages()[before..]).len() >= 2 * systems.len());
    let took = back.elapsed();
    let messages = &receiver.messages()[before..];
    let keys = taken(messages);
    let told = format!("{} of {} keys, {} tries", keys.len(), 2 * systems.len(), messages.len());
    report.invariant(
        "each owed action delivered",
        if keys.len() == 2 * systems.len() { Ok(told) } else { Err(told) },
    );
    let other = messages.iter().filter(|message| !keys.contains(&message.key)).count();
    let same = format!("{other} tries with a key that was never taken");
    report.invariant("the same key on every try", if other == 0 { Ok(same) } else { Err(same) });
    report.invariant("in order for each system", in_order(messages, &systems));
    report.figure("all delivered after it was back", show(took));
    Ok(server)
}

/// Every system's page comes before its end.
fn in_order(messages: &[Message], systems: &[String]) -> Result<String, String> {
    let mut first: HashMap<(&str, &str), usize> = HashMap::new();
    for (place, message) in messages.iter().enumerate().filter(|(_, message)| message.taken) {
        first.entry((&message.system, &message.kind)).or_insert(place);
    }
    let wrong: Vec<&String> = systems
        .iter()
        .filter(|system| match (first.get(&(system, "page")), first.get(&(system, "resolved"))) {
            (Some(page), Some(end)) => page >= end,
            _ => true,
        })
        .collect();
    match wrong.as_slice() {
        [] => Ok(format!("{} systems", systems.len())),
        [first, ..] => Err(format!("{} systems out of order or incomplete, such as {first}", wrong.len())),
    }
}

fn tell_all(api: &Api, systems: &[String], later_ms: i64, failing: bool) -> Result<()> {
    let mut connection = None;
    for group in systems.chunks(500) {
        let body: String = group.iter().map(|system| line(system, now_ms() + later_ms, failing)).collect();
        send(api, &mut connection, &body)?;
    }
    Ok(())
}

fn send(api: &Api, connection: &mut Option<Connection>, body: &str) -> Result<()> {
    let head = api.head("POST", "/api/v1/samples", body.len(), "content-type: application/x-ndjson\r\n");
    let mut answer = Vec::new();
    loop {
        let reply = post(api, connection, head.as_bytes(), body.as_bytes(), &mut answer)
            .context("POST /api/v1/samples: no answer")?;
        match reply.status {
            200 => return Ok(()),
            429 => sleep(Duration::from_secs_f64(reply.retry_after_s.unwrap_or(1.0))),
            status => bail!("POST /api/v1/samples: {status}: {}", String::from_utf8_lossy(&answer)),
        }
    }
}

fn wait(done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() && Instant::now() < deadline {
        sleep(Duration::from_millis(50));
    }
}
