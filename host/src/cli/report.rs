//! What a run adds up to, for people and as JSON.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::catalog::Catalog;
use crate::detections::{Summary, Tally};
use crate::observer::{BlindInterval, BlindIntervals};
use crate::pipeline::PipelineEnd;
use crate::shard::Fates;

/// Counts kept while a run goes on, and what it cost.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) lines: u64,
    pub(super) refused_rows: u64,
    pub(super) clock_ahead: u64,
    pub(super) fates: Fates,
    pub(super) tally: Tally,
    pub(super) blind: BlindIntervals,
    summary: Option<Summary>,
    costs: Vec<Cost>,
    bytes: usize,
    silence_rows: u64,
    elapsed: Duration,
}

/// What one rule or scorer cost.
#[derive(Debug)]
struct Cost {
    kind: &'static str,
    id: String,
    plugin: String,
    rows: u64,
    time: Duration,
    training: Option<(u64, Duration)>,
    failures: u64,
    unjudged_rows: u64,
    suspended: bool,
    last_error: Option<String>,
}

impl Cost {
    fn ns_per_row(&self) -> f64 {
        self.time.as_nanos() as f64 / self.rows.max(1) as f64
    }
}

impl Report {
    /// Adds up what the shards and the trainer tell at the end.
    pub(super) fn finish(&mut self, catalog: &Catalog, end: &PipelineEnd, elapsed: Duration) {
        let systems = end.shards.iter().map(|shard| shard.systems).sum();
        let in_force = catalog.rules.len();
        self.summary = Some(self.tally.summary(in_force + catalog.disabled_rules.len(), in_force, systems));
        self.bytes = end.shards.iter().map(|shard| shard.bytes).sum();
        self.silence_rows = end.shards.iter().map(|shard| shard.silence_rows).sum();
        self.elapsed = elapsed;
        for (place, rule) in catalog.rules.iter().enumerate() {
            let of_shards = || end.shards.iter().filter_map(|shard| shard.rule_costs.get(place));
            self.costs.push(Cost {
                kind: "rule",
                id: rule.rule_id.to_string(),
                plugin: rule.plugin.name.to_string(),
                rows: of_shards().map(|cost| cost.rows).sum(),
                time: of_shards().map(|cost| cost.time).sum(),
                training: None,
                failures: of_shards().map(|cost| cost.failures).sum(),
                unjudged_rows: of_shards().map(|cost| cost.unjudged_rows).sum(),
                suspended: of_shards().any(|cost| cost.quarantine.is_some()),
                last_error: of_shards().find_map(|cost| cost.last_error.clone()),
            });
        }
        for (place, scorer) in catalog.scorers.iter().enumerate() {
            let of_shards = || end.shards.iter().filter_map(|shard| shard.scorer_costs.get(place));
            let training = end.training.get(place);
            self.costs.push(Cost {
                kind: "scorer",
                id: scorer.scorer_id.to_string(),
                plugin: scorer.plugin.name.to_string(),
                rows: of_shards().map(|cost| cost.rows).sum(),
                time: of_shards().map(|cost| cost.time).sum(),
                training: training.map(|training| (training.trained, training.time)),
                failures: of_shards().map(|cost| cost.failures).sum::<u64>()
                    + training.map_or(0, |t| t.failed),
                unjudged_rows: 0,
                suspended: false,
                last_error: of_shards()
                    .find_map(|cost| cost.last_error.clone())
                    .or_else(|| training.and_then(|training| training.last_error.clone())),
            });
        }
    }

    /// Whether some rule did not judge everything that it should have.
    pub(super) fn incomplete(&self) -> bool {
        self.costs.iter().any(|cost| cost.suspended || cost.unjudged_rows > 0)
    }

    /// Everything as JSON: the summary's fields first.
    pub(super) fn json(&self) -> Value {
        let mut json = json!(self.summary);
        json["input"] = json!({
            "lines": self.lines,
            "refused_rows": self.refused_rows,
            "clock_ahead": self.clock_ahead,
            "fates": self.fates,
            "silence_rows": self.silence_rows,
        });
        json["blind"] = json!(self.blind.all());
        json["plugins"] = self.costs.iter().map(cost_json).collect();
        json["memory_bytes"] = json!(self.bytes);
        json["elapsed_s"] = json!(self.elapsed.as_secs_f64());
        json["samples_per_s"] = json!(self.fates.judged as f64 / self.elapsed.as_secs_f64());
        json
    }
}

fn lasted_s(blind: &BlindInterval) -> Option<f64> {
    Some(blind.until?.seconds_since(blind.since))
}

fn cost_json(cost: &Cost) -> Value {
    let mut json = json!({
        "kind": cost.kind,
        "id": cost.id,
        "plugin": cost.plugin,
        "rows": cost.rows,
        "time_s": cost.time.as_secs_f64(),
        "ns_per_row": cost.ns_per_row(),
        "failures": cost.failures,
        "unjudged_rows": cost.unjudged_rows,
        "suspended": cost.suspended,
        "last_error": cost.last_error,
    });
    if let Some((trained, time)) = cost.training {
        json["models_trained"] = json!(trained);
        json["training_s"] = json!(time.as_secs_f64());
    }
    json
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(summary) = &self.summary else { return Ok(()) };
        let seconds = self.elapsed.as_secs_f64();
        let rate = self.fates.judged as f64 / seconds;
        writeln!(f, "\n{} lines in {seconds:.2} s, {rate:.0} samples/s", self.lines)?;
        writeln!(
            f,
            "{} judged, {} refused, {} duplicate, {} too late, {} with a clock ahead",
            self.fates.judged, self.refused_rows, self.fates.duplicate, self.fates.too_late, self.clock_ahead
        )?;
        let blind_s: f64 = self.blind.all().iter().filter_map(lasted_s).sum();
        if blind_s > 0.0 {
            writeln!(f, "blind {} times, for {blind_s:.0} s together", self.blind.all().len())?;
        }
        if self.fates.too_many_metrics + self.fates.too_many_systems > 0 {
            let (metrics, systems) = (self.fates.too_many_metrics, self.fates.too_many_systems);
            writeln!(
                f,
                "over a limit: {metrics} by metrics of their system, {systems} by systems of their shard"
            )?;
        }
        let systems = summary.monitored_systems_count;
        let kb = self.bytes as f64 / 1e3 / systems.max(1) as f64;
        writeln!(f, "{systems} systems, {kb:.1} kB each; {} rules in force", summary.enabled_rules_count)?;
        writeln!(
            f,
            "\n{} detections: {} active, {} resolved",
            summary.total_detections, summary.active_detections, summary.resolved_detections
        )?;
        for (severity, count) in summary.severity_distribution.iter().rev().filter(|(_, count)| **count > 0) {
            writeln!(f, "  {:<26} {count:>8}", word(severity))?;
        }
        for (kind, count) in summary.type_distribution.iter().filter(|(_, count)| **count > 0) {
            writeln!(f, "  {:<26} {count:>8}", word(kind))?;
        }
        writeln!(f, "\n{:<28} {:>12} {:>10} {:>9}  training", "cost", "rows", "ns a row", "failures")?;
        for cost in &self.costs {
            let name = format!("{} {}", cost.kind, cost.id);
            let training = cost.training.map_or(String::new(), |(models, time)| {
                format!("{models} models in {:.2} s", time.as_secs_f64())
            });
            writeln!(
                f,
                "{name:<28} {:>12} {:>10.1} {:>9}  {training}",
                cost.rows,
                cost.ns_per_row(),
                cost.failures
            )?;
            if let Some(error) = &cost.last_error {
                let fate = if cost.suspended { "taken out of the run" } else { "still in force" };
                writeln!(f, "  {fate}; {} rows not judged; last: {error}", cost.unjudged_rows)?;
            }
        }
        Ok(())
    }
}

/// The name of a variant, as in the API.
fn word(variant: impl serde::Serialize) -> String {
    serde_json::to_value(variant).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
