//! How long a decision takes: 100,000 alerts fire, with 1,000 silences, 500 routes and 20 inhibition rules.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lapwing::alerts::{
    Alert, Alerts, AlertsConfig, Change, Decision, Labels, Matchers, NewSilence, Plan, Step,
};
use lapwing::alerts::{InhibitConfig, RouteConfig};
use lapwing::model::Severity;
use lapwing::time::Millis;
use uuid::Uuid;

const START: Millis = Millis(1_767_571_200_000);
const FIRING: u64 = 100_000;
const MEASURED: u64 = 20_000;

fn conditions(pairs: &[(&str, String)]) -> std::collections::BTreeMap<String, String> {
    pairs.iter().map(|(label, condition)| ((*label).to_owned(), condition.clone())).collect()
}

fn route(name: String, matchers: &[(&str, String)], routes: Vec<RouteConfig>) -> RouteConfig {
    RouteConfig { name, matchers: conditions(matchers), routes, ..RouteConfig::default() }
}

/// 500 routes: 25 by team and 25 by patterns, each with nine of its own, and the root; half of those look at a pattern.
fn config() -> AlertsConfig {
    let mut tops = Vec::new();
    for top in 0..50 {
        let inner = (0..9).map(|zone| {
            let condition =
                if zone % 2 == 0 { format!("zone-{zone}") } else { format!("~(zone|area)-{zone}.*") };
            route(format!("z{zone}"), &[("zone", condition), ("severity", ">=medium".to_owned())], Vec::new())
        });
        let by = if top % 2 == 0 {
            ("team", format!("team-{top}"))
        } else {
            ("system_type", format!("~type-{top}(-.*)?"))
        };
        tops.push(route(format!("t{top}"), &[by], inner.collect()));
    }
    tops.pop();
    tops.extend(
        (0..9).map(|extra| route(format!("x{extra}"), &[("team", format!("~.*-extra-{extra}"))], Vec::new())),
    );
    let root = RouteConfig {
        receivers: Some(vec!["ops".to_owned()]),
        group_by: Some(vec!["rule_id".to_owned(), "zone".to_owned()]),
        routes: tops,
        ..RouteConfig::default()
    };
    let inhibit = (0..20).map(|rule| InhibitConfig {
        source: conditions(&[("rule_id", format!("rule-{rule}")), ("severity", ">=high".to_owned())]),
        target: conditions(&[("severity", "<high".to_owned())]),
        equal: vec!["system_id".to_owned()],
    });
    AlertsConfig { route: Some(root), inhibit: inhibit.collect(), ..AlertsConfig::default() }
}

/// 1,000 silences: 400 with equalities, 300 with both, 300 with patterns only.
fn silence(number: u64) -> NewSilence {
    let matchers = match number % 10 {
        0..4 => conditions(&[
            ("system_id", format!("system-{}", number * 97)),
            ("rule_id", format!("rule-{}", number % 50)),
        ]),
        4..7 => conditions(&[
            ("zone", format!("zone-{}", number % 60)),
            ("system_id", format!("~system-{number}.*")),
        ]),
        7 => conditions(&[("system_id", format!("~.*-{number}"))]),
        8 => conditions(&[("system_id", format!("~system-{number}[0-9]{{2}}"))]),
        _ => conditions(&[("zone", format!("~(zone|area)-9{number}.*"))]),
    };
    let matchers = Matchers::parse(&matchers).unwrap();
    NewSilence {
        matchers,
        owner: "a".to_owned(),
        ends: Some(START.plus_seconds(1e6)),
        ..NewSilence::default()
    }
}

fn mix(number: u64) -> u64 {
    let mixed = (number ^ (number >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

fn alert(number: u64, now: Millis) -> Alert {
    let random = mix(number);
    let (severity, name) = [
        (Severity::Low, "low"),
        (Severity::Medium, "medium"),
        (Severity::High, "high"),
        (Severity::Critical, "critical"),
    ][(random % 16 / 5) as usize];
    let labels: Labels = [
        ("rule_id", format!("rule-{}", random % 50)),
        ("system_id", format!("system-{number}")),
        ("system_type", format!("type-{}", random % 41)),
        ("detection_type", "performance_degradation".to_owned()),
        ("severity", name.to_owned()),
        ("zone", format!("zone-{}", random % 61)),
        ("team", format!("team-{}", random % 71)),
        // One in ten depends on a system that fires.
        ("depends_on", format!("system-{}", mix(random) % (FIRING * 10))),
    ]
    .into_iter()
    .collect();
    Alert { id: Uuid::from_u64_pair(1, random), labels, severity, opened: now, summary: "slow".to_owned() }
}

/// What the times were, in microseconds.
fn print(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let mean = times.iter().map(|&time| micros(time)).sum::<f64>() / times.len() as f64;
    let at = |share: f64| micros(times[((times.len() - 1) as f64 * share) as usize]);
    println!(
        "{what:<38} mean {mean:8.2} µs   p50 {:8.2}   p90 {:8.2}   p99 {:8.2}   max {:10.2}",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}

/// Time that this thread spent on a processor, where the system tells: others may use the machine as well.
fn on_processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}

fn main() {
    let plan = Arc::new(Plan::compile(&config(), &BTreeSet::from(["ops".to_owned()])).unwrap());
    let mut room = Alerts::new(plan);
    let (mut out, mut now) = (Vec::new(), START);
    for number in 0..1000 {
        room.add_silence(silence(number), Uuid::from_u64_pair(2, number), now, &mut out).unwrap();
    }
    for number in 0..FIRING {
        now.0 += 1;
        out.clear();
        room.take(Change::Opened(alert(number, now)), now, &mut out);
    }
    let changed = Instant::now();
    let records = room.changed().unwrap();
    println!("{} records written at once: {:.1} ms", records.len(), changed.elapsed().as_secs_f64() * 1e3);

    let (mut ticked, mut opened, mut written, mut resolved) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let changes: Vec<Alert> =
        (0..MEASURED).map(|number| alert(FIRING + number, Millis(now.0 + 1 + number as i64))).collect();
    let mut ids = Vec::with_capacity(changes.len());
    let (mut decisions, mut out) = (Vec::with_capacity(changes.len()), Vec::with_capacity(1024));
    let before = on_processor();
    for alert in changes {
        ids.push(alert.id);
        now = alert.opened;
        let start = Instant::now();
        room.tick(now, &mut out);
        ticked.push(start.elapsed());
        decisions.append(&mut out);
        let start = Instant::now();
        room.take(Change::Opened(alert), now, &mut out);
        opened.push(start.elapsed());
        decisions.append(&mut out);
        let start = Instant::now();
        assert!(!room.changed().unwrap().is_empty());
        written.push(start.elapsed());
    }
    let after = on_processor();
    let silenced = decisions
        .iter()
        .filter(|decision| matches!(decision, Decision::Note { step: Step::Silenced { .. }, .. }));
    let silenced = silenced.count();
    let told = decisions.iter().filter(|decision| matches!(decision, Decision::Notify(_))).count();
    for id in ids {
        now.0 += 1;
        let start = Instant::now();
        room.take(Change::Resolved { id, at: now }, now, &mut out);
        resolved.push(start.elapsed());
        out.clear();
        assert!(!room.changed().unwrap().is_empty());
    }
    println!(
        "{FIRING} alerts fire, 1000 silences, 500 routes, 20 inhibition rules; {silenced} of {MEASURED} silenced"
    );
    print("take(Opened)", opened);
    print("tick() before it: groups that are due", ticked);
    if let Some(spent) = after.zip(before).map(|(after, before)| after - before) {
        println!(
            "{:<38} mean {:8.2} µs",
            "all three, on the processor",
            spent.as_secs_f64() * 1e6 / MEASURED as f64
        );
    }
    println!("  {told} notifications for {MEASURED} alerts");
    print("take(Resolved)", resolved);
    print("changed() after one", written);
    let start = Instant::now();
    let all: Vec<(String, Vec<u8>)> =
        records.into_iter().filter_map(|(key, bytes)| Some((key, bytes?))).collect();
    let restored = Alerts::restore(
        Arc::new(Plan::compile(&config(), &BTreeSet::from(["ops".to_owned()])).unwrap()),
        all.iter().map(|(key, bytes)| (key.as_str(), bytes.as_slice())),
    );
    println!(
        "restore of {} alerts: {:.0} ms",
        restored.unwrap().firing(),
        start.elapsed().as_secs_f64() * 1e3
    );
    one_group();
}

/// All of them in one group: how long its page takes.
fn one_group() {
    let route = RouteConfig { receivers: Some(vec!["ops".to_owned()]), ..RouteConfig::default() };
    let config = AlertsConfig { route: Some(route), group_wait_s: 600.0, ..AlertsConfig::default() };
    let plan = Plan::compile(&config, &BTreeSet::from(["ops".to_owned()])).unwrap();
    let (mut room, mut out) = (Alerts::new(Arc::new(plan)), Vec::new());
    for number in 0..FIRING {
        room.take(Change::Opened(alert(number, START)), START, &mut out);
    }
    out.clear();
    let start = Instant::now();
    room.tick(START.plus_seconds(600.0), &mut out);
    println!(
        "the page of one group of {FIRING}: {:.0} ms, {} decisions",
        start.elapsed().as_secs_f64() * 1e3,
        out.len()
    );
}
