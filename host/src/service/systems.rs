//! What the service answers about systems.

use std::collections::BinaryHeap;

use serde_json::{Map, Value, json};

use super::Service;
use super::system_views::{
    ContractView, HeartbeatView, PresenceView, StateChange, SystemLine, SystemSummary, SystemsPage,
};
use super::views::{DetectionLine, HistoryPage};
use crate::history::System;
use crate::model::{BUILT_IN_METRICS, HEALTH_STATUS, MetricId, SharedNames};
use crate::presence::State;
use crate::shard::Shard;
use crate::time::Millis;

impl Service {
    /// A page of systems, by ascending id from the one after `cursor` on.
    #[must_use]
    pub fn systems(&self, cursor: Option<&str>, limit: usize, system_type: Option<&str>) -> SystemsPage {
        let catalog = self.shared.catalog();
        let types = catalog.types.clone();
        let (cursor, wanted_type) = (cursor.map(str::to_owned), system_type.map(str::to_owned));
        let mut lines: Vec<SystemLine> = self
            .ask(move |shard| {
                let is_wanted = |system: &&System| {
                    cursor.as_deref().is_none_or(|cursor| *system.id > *cursor)
                        && wanted_type
                            .as_deref()
                            .is_none_or(|wanted| *types.name(system.system_type.0) == *wanted)
                };
                // The first so many by id, without putting all in order.
                let mut first: BinaryHeap<(&str, usize)> = BinaryHeap::new();
                for (place, system) in
                    shard.systems().all().iter().enumerate().filter(|(_, system)| is_wanted(system))
                {
                    first.push((&system.id, place));
                    if first.len() > limit + 1 {
                        first.pop();
                    }
                }
                first
                    .into_iter()
                    .map(|(_, place)| line(shard, &shard.systems().all()[place], &types, Millis::now()))
                    .collect::<Vec<_>>()
            })
            .into_iter()
            .flatten()
            .collect();
        lines.sort_by(|a, b| a.system_id.cmp(&b.system_id));
        let more = lines.len() > limit;
        lines.truncate(limit);
        let ledger = self.ledger();
        let active = ledger.active_by_system();
        for line in &mut lines {
            line.active_detections_count = active.get(line.system_id.as_str()).copied().unwrap_or(0);
        }
        let next_cursor = lines.last().filter(|_| more).map(|line| line.system_id.clone());
        SystemsPage { systems: lines, next_cursor }
    }

    /// One system in numbers; `None`: it has never sent a sample.
    #[must_use]
    pub fn system(&self, id: &str) -> Option<SystemSummary> {
        let (id, types) = (id.to_owned(), self.shared.catalog().types.clone());
        let answers = self.ask(move |shard| {
            let system = shard.system(&id)?;
            let detections = shard.ongoing_of(&id).map(|detection| DetectionLine {
                detection_id: detection.detection_id,
                detection_type: detection.detection_type,
                severity: detection.severity,
                description: detection.description.clone(),
                confidence: detection.confidence,
                timestamp: detection.timestamp,
            });
            Some(summary(shard, system, detections.collect(), &types))
        });
        answers.into_iter().flatten().next()
    }

    /// The newest `limit` samples kept of a system, the newest last; `None`: it has never sent one.
    #[must_use]
    pub fn history(&self, id: &str, limit: usize) -> Option<HistoryPage> {
        let (id, metrics) = (id.to_owned(), self.shared.catalog().metrics.clone());
        let answers = self.ask(move |shard| {
            let system = shard.system(&id)?;
            let names: Vec<_> = system.metrics().iter().map(|metric| metrics.name(metric.0)).collect();
            let mut samples: Vec<Map<String, Value>> = system
                .samples()
                .rev()
                .take(limit)
                .map(|(time, values)| {
                    let known = names.iter().zip(values).filter(|(_, value)| !value.is_nan());
                    let numbers = known.map(|(name, value)| (name.to_string(), json!(value)));
                    [("timestamp".to_owned(), json!(time))].into_iter().chain(numbers).collect()
                })
                .collect();
            samples.reverse();
            Some(HistoryPage { system_id: id.clone(), samples })
        });
        answers.into_iter().flatten().next()
    }
}

fn health(system: &System) -> Option<String> {
    system.latest_texts().find(|(metric, _)| *metric == HEALTH_STATUS).map(|(_, text)| text.to_owned())
}

/// What state a system is in now; while the host is blind, that is not known of any that was not heard since.
pub(super) fn state(shard: &Shard, system: &System, now: Millis) -> (State, Millis) {
    match shard.blindness() {
        Some(blindness) if system.absence().is_none() && system.last_arrival() <= blindness.since => {
            (State::Unknown, blindness.since)
        }
        _ => system.presence.at(now),
    }
}

fn presence(shard: &Shard, system: &System, now: Millis) -> PresenceView {
    let (state, since) = state(shard, system, now);
    let mut changes: Vec<StateChange> =
        system.presence.changes().map(|(at, state)| StateChange { at, state }).collect();
    changes.reverse();
    PresenceView {
        state,
        since,
        changes,
        availability_today: system.presence.availability(now, 0),
        availability_week: system.presence.availability(now, 7),
        availability_month: system.presence.availability(now, 30),
        returns_at: system.absence().map(|absence| absence.returns_at),
        reason: system.absence().map(|absence| absence.reason.to_string()),
    }
}

fn heartbeat(system: &System, now: Millis) -> HeartbeatView {
    let known = |value: f64| value.is_finite().then_some(value);
    let facts = system.facts(now);
    let (contract, report) = system.heartbeat_report();
    let standing = serde_json::to_value(report.standing).unwrap_or_default();
    HeartbeatView {
        expected_interval_s: known(facts.expected_interval_s),
        jitter_s: known(report.jitter_s),
        loss: known(report.loss),
        silence_s: facts.silence_s,
        silence_limit_s: known(facts.silence_limit_s),
        suspicion: known(facts.suspicion),
        alive: known(facts.alive),
        contract: ContractView {
            detect_within_s: contract.detect_within_s(),
            false_alarms_per_week: contract.false_alarms_per_week(),
        },
        standing: standing.as_str().unwrap_or_default().to_owned(),
        detects_within_s: known(report.detects_within_s),
        false_alarms_expected_per_week: known(report.false_alarms_expected_per_week),
        false_alarms_seen_per_week: known(report.false_alarms_seen_per_week),
    }
}

fn line(shard: &Shard, system: &System, types: &SharedNames, now: Millis) -> SystemLine {
    SystemLine {
        system_id: system.id.to_string(),
        system_type: types.name(system.system_type.0).to_string(),
        state: state(shard, system, now).0,
        health_status: health(system),
        last_seen: system.last_arrival(),
        samples_kept: system.samples_kept(),
        active_detections_count: 0,
    }
}

fn summary(shard: &Shard, system: &System, active: Vec<DetectionLine>, types: &SharedNames) -> SystemSummary {
    let now = Millis::now();
    let number = |name: &str| {
        BUILT_IN_METRICS.iter().position(|known| *known == name).map(|place| MetricId(place as u16))
    };
    let current = |name: &str| {
        let metric = number(name)?;
        system.latest_values().find(|(known, _)| *known == metric).map(|(_, value)| value)
    };
    let average = |name: &str| {
        let metric = number(name)?;
        let place = system.metrics().iter().position(|known| *known == metric)?;
        let known = system.samples().map(|(_, values)| values[place]).filter(|value| !value.is_nan());
        let (count, sum) = known.fold((0_u32, 0.0), |(count, sum), value| (count + 1, sum + value));
        (count > 0).then(|| sum / f64::from(count))
    };
    SystemSummary {
        system_id: system.id.to_string(),
        system_type: types.name(system.system_type.0).to_string(),
        presence: presence(shard, system, now),
        heartbeat: heartbeat(system, now),
        current_health_status: health(system),
        current_response_time_ms: current("response_time_ms"),
        current_cpu_usage_percent: current("cpu_usage_percent"),
        current_memory_usage_percent: current("memory_usage_percent"),
        current_disk_usage_percent: current("disk_usage_percent"),
        current_error_rate: current("error_rate"),
        average_response_time_ms: average("response_time_ms"),
        average_cpu_usage_percent: average("cpu_usage_percent"),
        average_memory_usage_percent: average("memory_usage_percent"),
        average_error_rate: average("error_rate"),
        active_detections_count: active.len(),
        active_detections: active,
        data_points_count: system.samples_kept(),
        last_updated: system.last_arrival(),
    }
}
