//! Numbers about the service itself, for Prometheus.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::reading::Account;
use super::{Service, lock};
use crate::pipeline::Outcome;
use crate::shard::Fates;
use crate::time::Millis;

/// Counts that threads and requests keep.
#[derive(Debug)]
pub(super) struct Telemetry {
    accepted: AtomicU64,
    refused: AtomicU64,
    turned_away: AtomicU64,
    resumed: AtomicU64,
    judged: AtomicU64,
    duplicate: AtomicU64,
    too_late: AtomicU64,
    too_many: AtomicU64,
    rounds: AtomicU64,
    silence_rows: AtomicU64,
    dead_letters: AtomicU64,
    quarantines: AtomicU64,
    opened: AtomicU64,
    tries: Family<TryLabels, Counter>,
    try_time: Histogram,
    commit: Histogram,
    judge_lag: Histogram,
}

impl Default for Telemetry {
    fn default() -> Self {
        let seconds = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
        Self {
            accepted: AtomicU64::default(),
            refused: AtomicU64::default(),
            turned_away: AtomicU64::default(),
            resumed: AtomicU64::default(),
            judged: AtomicU64::default(),
            duplicate: AtomicU64::default(),
            too_late: AtomicU64::default(),
            too_many: AtomicU64::default(),
            rounds: AtomicU64::default(),
            silence_rows: AtomicU64::default(),
            dead_letters: AtomicU64::default(),
            quarantines: AtomicU64::default(),
            opened: AtomicU64::default(),
            tries: Family::default(),
            try_time: Histogram::new(seconds),
            commit: Histogram::new(seconds),
            judge_lag: Histogram::new(seconds),
        }
    }
}

impl Telemetry {
    /// Rows of a request were refused.
    pub(super) fn refused(&self, refused: u64) {
        self.refused.fetch_add(refused, Ordering::Relaxed);
    }

    /// A request found the queue full.
    pub(super) fn turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    /// Rows were written to the journal.
    pub(super) fn journalled(&self, rows: usize, took: Duration) {
        self.accepted.fetch_add(rows as u64, Ordering::Relaxed);
        self.commit.observe(took.as_secs_f64());
    }

    /// Rows of the journal are being judged after a restart.
    pub(super) fn resumed(&self, rows: u64) {
        self.resumed.fetch_add(rows, Ordering::Relaxed);
    }

    /// An action was tried.
    pub(super) fn tried(&self, action: &str, well: bool, took: Duration) {
        let result = if well { "done" } else { "failed" };
        self.tries.get_or_create(&TryLabels { action: action.to_owned(), result }).inc();
        self.try_time.observe(took.as_secs_f64());
    }

    /// A round is done.
    pub(super) fn recorded(&self, outcome: &Outcome) {
        let Fates { judged, duplicate, too_late, too_many_metrics, too_many_systems } = outcome.fates;
        let add = |counter: &AtomicU64, by: u64| {
            counter.fetch_add(by, Ordering::Relaxed);
        };
        add(&self.judged, judged);
        add(&self.duplicate, duplicate);
        add(&self.too_late, too_late);
        add(&self.too_many, too_many_metrics + too_many_systems);
        add(&self.rounds, 1);
        add(&self.dead_letters, outcome.dead.len() as u64);
        add(
            &self.quarantines,
            outcome.incidents.iter().filter(|incident| incident.quarantine.is_some()).count() as u64,
        );
        add(&self.opened, outcome.events.len() as u64);
        self.silence_rows
            .store(outcome.statuses.iter().map(|status| status.silence_rows).sum(), Ordering::Relaxed);
        if !outcome.round.samples.is_empty() {
            self.judge_lag.observe(Millis::now().seconds_since(outcome.round.clock).max(0.0));
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Named {
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TryLabels {
    action: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfState {
    action: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRule {
    rule_id: String,
    plugin: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfFate {
    fate: &'static str,
}

impl Service {
    /// Everything there is to measure, as OpenMetrics text.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut registry = Registry::with_prefix("lapwing");
        let told = &self.shared.telemetry;
        let count = |registry: &mut Registry, name: &str, help: &str, value: &AtomicU64| {
            let counter: Counter = Counter::default();
            counter.inc_by(value.load(Ordering::Relaxed));
            registry.register(name, help, counter);
        };
        let gauge = |registry: &mut Registry, name: &str, help: &str, value: i64| {
            let gauge: Gauge = Gauge::default();
            gauge.set(value);
            registry.register(name, help, gauge);
        };
        count(&mut registry, "samples_accepted", "Samples written to the journal", &told.accepted);
        count(&mut registry, "samples_refused", "Rows that were wrong", &told.refused);
        count(
            &mut registry,
            "requests_turned_away",
            "Requests of samples that found the queue full",
            &told.turned_away,
        );
        count(
            &mut registry,
            "samples_resumed",
            "Samples of the journal judged after a restart",
            &told.resumed,
        );
        let fates: Family<OfFate, Counter> = Family::default();
        for (fate, value) in [
            ("judged", &told.judged),
            ("duplicate", &told.duplicate),
            ("too_late", &told.too_late),
            ("too_many", &told.too_many),
        ] {
            fates.get_or_create(&OfFate { fate }).inc_by(value.load(Ordering::Relaxed));
        }
        registry.register("samples", "What became of accepted samples", fates);
        count(&mut registry, "rounds", "Rounds judged", &told.rounds);
        count(&mut registry, "silence_rows", "Rows of silence judged beside samples", &told.silence_rows);
        count(&mut registry, "dead_letters", "Rows that a plugin could not bear", &told.dead_letters);
        count(&mut registry, "quarantines", "Times that a rule went out of the run", &told.quarantines);
        count(&mut registry, "detection_events", "Detections opened, reopened and resolved", &told.opened);
        registry.register_with_unit(
            "commit",
            "Time to write and confirm a round",
            Unit::Seconds,
            told.commit.clone(),
        );
        let lag = told.judge_lag.clone();
        registry.register_with_unit(
            "judge_lag",
            "From a round's last arrival to its record",
            Unit::Seconds,
            lag,
        );
        let waiting = self.waiting_rows.load(Ordering::Relaxed) as i64;
        gauge(&mut registry, "queue_rows", "Rows that wait to be written", waiting);
        gauge(&mut registry, "store_bytes", "Bytes of the store on disk", self.store.size_bytes() as i64);
        let read_only = i64::from(self.read_only().is_some());
        gauge(&mut registry, "read_only", "1 while the store cannot be written", read_only);
        let (systems, bytes): (Vec<i64>, Vec<i64>) = self
            .ask(|shard| {
                let all = shard.systems().all();
                (all.len() as i64, all.iter().map(crate::history::System::bytes).sum::<usize>() as i64)
            })
            .into_iter()
            .unzip();
        gauge(&mut registry, "systems", "Systems known", systems.iter().sum());
        gauge(&mut registry, "history_bytes", "Memory of their histories", bytes.iter().sum());
        gauge(&mut registry, "resident_bytes", "Memory of the process", resident_bytes());
        let active = self.shared.ledger().active().count() as i64;
        gauge(&mut registry, "detections_active", "Detections that are not over", active);
        self.rule_metrics(&mut registry);
        self.delivery_metrics(&mut registry);
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &registry) {
            tracing::error!(%error, "metrics cannot be written as text");
        }
        text
    }

    fn delivery_metrics(&self, registry: &mut Registry) {
        let told = &self.shared.telemetry;
        registry.register("action_tries", "Tries of actions", told.tries.clone());
        registry.register_with_unit("action_try", "Time of a try", Unit::Seconds, told.try_time.clone());
        let owed: Family<OfState, Gauge> = Family::default();
        let open: Family<Named, Gauge> = Family::default();
        let took: Family<Named, Gauge<f64, AtomicU64>> = Family::default();
        let desk = lock(&self.shared.desk);
        for (action, depth) in desk.outbox.depths() {
            let states = [
                ("waiting", depth.waiting),
                ("under_way", depth.under_way),
                ("awaiting", depth.awaiting),
                ("held", depth.held),
                ("dead", depth.dead),
            ];
            for (state, count) in states {
                owed.get_or_create(&OfState { action: action.clone(), state }).set(count as i64);
            }
            let is_open = i64::from(depth.breaker != crate::outbox::BreakerState::Closed);
            open.get_or_create(&Named { name: action.clone() }).set(is_open);
            if let Some(canary) = desk.outbox.canary(&action) {
                took.get_or_create(&Named { name: action })
                    .set(canary.took_ms.map_or(f64::NAN, |ms| ms as f64 / 1e3));
            }
        }
        let firing = desk.alerts.firing() as i64;
        drop(desk);
        registry.register("actions_owed", "Actions that are owed, by state", owed);
        registry.register("destination_broken", "1 while the breaker of an action is not closed", open);
        registry.register_with_unit("canary", "How long the last canary took", Unit::Seconds, took);
        let gauge: Gauge = Gauge::default();
        gauge.set(firing);
        registry.register("alerts_firing", "Alerts that fire", gauge);
    }

    fn rule_metrics(&self, registry: &mut Registry) {
        let rows: Family<OfRule, Counter> = Family::default();
        let time: Family<OfRule, Counter<f64, AtomicU64>> = Family::default();
        let failures: Family<OfRule, Counter> = Family::default();
        let unjudged: Family<OfRule, Counter> = Family::default();
        let quarantined: Family<OfRule, Gauge> = Family::default();
        let catalog = self.shared.catalog();
        for (rule_id, Account { cost, .. }) in self.accounts() {
            let rule = catalog.rules.iter().find(|rule| *rule.rule_id == *rule_id);
            let plugin = rule.map(|rule| rule.plugin.name.to_string()).unwrap_or_default();
            let label = OfRule { rule_id, plugin };
            rows.get_or_create(&label).inc_by(cost.rows);
            time.get_or_create(&label).inc_by(cost.time.as_secs_f64());
            failures.get_or_create(&label).inc_by(cost.failures);
            unjudged.get_or_create(&label).inc_by(cost.unjudged_rows);
            quarantined.get_or_create(&label).set(i64::from(cost.quarantine.is_some()));
        }
        registry.register("rule_rows", "Rows judged by a rule", rows);
        registry.register_with_unit("rule_time", "Time in calls of a rule's plugin", Unit::Seconds, time);
        registry.register("rule_traps", "Calls of a rule's plugin that gave no answer", failures);
        registry.register("rule_unjudged_rows", "Rows that a rule's plugin could not judge", unjudged);
        registry.register("rule_quarantined", "1 while a rule is out of the run", quarantined);
        let rows: Family<Named, Counter> = Family::default();
        let time: Family<Named, Counter<f64, AtomicU64>> = Family::default();
        let failures: Family<Named, Counter> = Family::default();
        let told = self.ask(|shard| {
            shard.scorer_accounts().map(|(id, cost)| (id.to_string(), cost.clone())).collect::<Vec<_>>()
        });
        for (name, cost) in told.into_iter().flatten() {
            let label = Named { name };
            rows.get_or_create(&label).inc_by(cost.rows);
            time.get_or_create(&label).inc_by(cost.time.as_secs_f64());
            failures.get_or_create(&label).inc_by(cost.failures);
        }
        registry.register("scorer_rows", "Rows scored by a scorer", rows);
        registry.register_with_unit("scorer_time", "Time in calls of a scorer", Unit::Seconds, time);
        registry.register("scorer_traps", "Calls of a scorer that gave no answer", failures);
        let plugins = lock(&self.registry).deployment.plugins.len() as i64;
        let gauge: Gauge = Gauge::default();
        gauge.set(plugins);
        registry.register("plugins", "Plugins known", gauge);
    }
}

/// Resident memory, from the kernel; 0 where it does not say.
fn resident_bytes() -> i64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: Option<i64> = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as i64
}
