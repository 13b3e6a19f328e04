//! From verdicts to detections: the gate of each rule and system moves on, row by row.

use serde_json::{Map, Value, json};

use super::batch::{Batch, Origin, Row};
use super::judge::{Judge, Judged};
use super::report::{EventKey, ShardReport};
use super::round::Round;
use super::watched::Watched;
use crate::catalog::Catalog;
use crate::detections::{
    ConditionEvidence, Contribution, DecidingRow, Detection, Event, EventKind, Evidence, InputEvidence, Peak,
    PluginEvidence, ScoreEvidence, Transition, Watch, confidence, remember,
};
use crate::history::Systems;
use crate::limits::CONTRIBUTIONS_MAX;
use crate::model::{HEALTH_STATUS, MetricId, Status};
use crate::scoring::Panel;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Matched,
    Clear,
    Unknown,
}

/// Moves a rule's gates on by one batch; what happened is added to `events`.
pub(super) fn decide(
    judge: &mut Judge,
    judged: &Judged,
    batch: &Batch,
    round: &Round,
    systems: &mut Systems,
    panel: &mut Panel,
    report: &mut ShardReport,
) {
    if judge.watched.is_empty() && judged.verdicts.matched.is_empty() {
        return;
    }
    let mut matched = judged.verdicts.matched.iter().peekable();
    let mut unknown = judged.verdicts.unknown.iter().peekable();
    let rows = judged.applied.as_ref().map_or(batch.len(), Vec::len);
    for place in 0..rows as u32 {
        let verdict = if matched.next_if_eq(&&place).is_some() {
            Verdict::Matched
        } else if unknown.next_if_eq(&&place).is_some() {
            Verdict::Unknown
        } else {
            Verdict::Clear
        };
        let row = judged.row(place);
        if verdict == Verdict::Matched || systems.get(batch.rows[row].system).watched_by > 0 {
            let kind = step(judge, verdict, batch, row, round, systems, panel);
            let watched = judge.watched.get(&batch.rows[row].system);
            let Some(detection) = watched.and_then(|watched| watched.detection.as_deref()) else { continue };
            if let Some(kind) = kind {
                let key = EventKey::new(&batch.rows[row], &detection.system_id, judge.place);
                report.events.push((key, Event { event: kind, detection: detection.clone() }));
                if let (EventKind::Opened, Some(shadow)) = (kind, &mut judge.shadow) {
                    shadow.live_opened();
                }
            } else if verdict == Verdict::Matched {
                report.updates.insert(detection.detection_id, detection.update());
            }
        }
    }
}

/// Moves one gate on by one row.
fn step(
    judge: &mut Judge,
    verdict: Verdict,
    batch: &Batch,
    place: usize,
    round: &Round,
    systems: &mut Systems,
    panel: &mut Panel,
) -> Option<EventKind> {
    let row = &batch.rows[place];
    let gate = judge.gate;
    if verdict != Verdict::Matched {
        let watched = judge.watched.get_mut(&row.system)?;
        let transition = match verdict {
            Verdict::Clear if matches!(row.origin, Origin::Sample { .. }) => {
                watched.watch.clear(row.time, &gate, row.interval_s)
            }
            _ => {
                watched.watch.unknown();
                None
            }
        };
        if transition == Some(Transition::Resolve)
            && let Some(detection) = &mut watched.detection
        {
            let window_s = gate.window_for(row.interval_s);
            detection.resolve(row.at, format!("a sample does not match, and none has for {window_s} s"));
            return Some(EventKind::Resolved);
        }
        if watched.watch.is_idle(row.time, &gate, row.interval_s) {
            judge.watched.remove(&row.system);
            systems.get_mut(row.system).watched_by -= 1;
        }
        return None;
    }

    let is_open = judge.watched.get(&row.system).is_some_and(|watched| watched.ongoing().is_some());
    let shown = (!is_open).then(|| deciding_row(judge, batch, place, round, systems));
    let watched = judge.watched.entry(row.system).or_insert_with(|| {
        systems.get_mut(row.system).watched_by += 1;
        Watched { watch: Watch::new(row.samples_before), ..Watched::default() }
    });
    if let Some(shown) = shown {
        remember(&mut watched.deciding, shown, gate.min_occurrences);
    }
    let transition = watched.watch.matched(row.time, &gate, row.interval_s)?;
    let matched_share = watched.watch.matched_share();
    let sure = confidence(judge.rule.severity, matched_share, batch.combined[place]);
    match transition {
        Transition::Open => {
            let detection = open(judge, batch, place, round, systems, panel, matched_share);
            let watched = judge.watched.get_mut(&row.system)?;
            watched.detection = Some(Box::new(detection));
            Some(EventKind::Opened)
        }
        Transition::Reopen => {
            let detection = judge.watched.get_mut(&row.system)?.detection.as_mut()?;
            detection.reopen();
            detection.seen(row.at, sure);
            Some(EventKind::Reopened)
        }
        Transition::Continue | Transition::Resolve => {
            judge.watched.get_mut(&row.system)?.detection.as_mut()?.seen(row.at, sure);
            None
        }
    }
}

/// What the plugin was shown of a match that may become part of a detection.
fn deciding_row(
    judge: &mut Judge,
    batch: &Batch,
    place: usize,
    round: &Round,
    systems: &Systems,
) -> DecidingRow {
    let row = &batch.rows[place];
    let parameters = judge.parameters(row, systems);
    let timestamp = match row.origin {
        Origin::Sample { row, .. } => Some(round.samples.sample(row as usize).time),
        Origin::Silence { .. } => None,
    };
    DecidingRow { at: row.at, timestamp, inputs: judge.inputs(batch, place, &parameters) }
}

fn open(
    judge: &mut Judge,
    batch: &Batch,
    place: usize,
    round: &Round,
    systems: &Systems,
    panel: &mut Panel,
    matched_share: f64,
) -> Detection {
    let sure = confidence(judge.rule.severity, matched_share, batch.combined[place]);
    let row = &batch.rows[place];
    let parameters = judge.parameters(row, systems);
    let explanation = judge.explain(batch, place, &parameters);
    let catalog = std::sync::Arc::clone(&round.catalog);
    let rule = std::sync::Arc::clone(&judge.rule);
    let system = systems.get(row.system);
    let known = Known::of(row, batch, round, &catalog, systems);
    let (summary, conditions) = match explanation {
        Some(explanation) => (explanation.summary, explanation.conditions),
        None => (rule.description.clone(), Vec::new()),
    };
    let anomaly = ScoreEvidence {
        combined: number(batch.combined[place]),
        by_scorer: (catalog.scorers.iter().zip(&batch.by_scorer))
            .map(|(scorer, scores)| (scorer.scorer_id.to_string(), json!(number(scores[place]))))
            .collect(),
        contributions: contributions(batch, place, &catalog, panel),
    };
    let deciding = judge.watched.get_mut(&row.system).map(|watched| std::mem::take(&mut watched.deciding));
    let evidence = Evidence {
        rule_id: rule.rule_id.to_string(),
        rule_name: rule.name.clone(),
        conditions: conditions
            .iter()
            .map(|condition| ConditionEvidence::new(condition, &rule.inputs))
            .collect(),
        parameters: rule
            .scopes
            .names
            .iter()
            .cloned()
            .zip(parameters.iter().map(|value| json!(value)))
            .collect(),
        settings: rule.settings.clone(),
        inputs: rule.inputs.iter().map(InputEvidence::new).collect(),
        deciding: deciding.unwrap_or_default().into(),
        plugin: PluginEvidence {
            name: rule.plugin.name.to_string(),
            digest: rule.plugin.digest.to_string(),
            contract: rule.plugin.contract.to_owned(),
        },
        min_occurrences: judge.gate.min_occurrences,
        window_s: judge.gate.window_for(row.interval_s),
        matched_share,
        anomaly,
        sample_timestamp: known.sample_timestamp,
        health_status: known.health_status,
        custom_metrics: known.custom_metrics,
        group: None,
        probe: None,
    };
    Detection {
        detection_id: Detection::id(&rule.rule_id, &system.id, row.at),
        rule_id: rule.rule_id.to_string(),
        detection_type: rule.detection_type,
        severity: rule.severity,
        status: Status::Active,
        system_id: system.id.to_string(),
        system_type: catalog.types.name(row.system_type.0).to_string(),
        description: format!("{}: {summary}", rule.name),
        confidence: sure,
        timestamp: row.at,
        resolved_at: None,
        resolution_notes: None,
        first_seen: row.at,
        last_seen: row.at,
        occurrences: 1,
        peak: Peak { confidence: sure, timestamp: row.at },
        reopened: 0,
        actions: rule.actions.clone(),
        evidence,
        metrics: known.metrics,
    }
}

/// The metrics that made the score of a row: each in turn is put back to what is usual for the type.
fn contributions(batch: &Batch, place: usize, catalog: &Catalog, panel: &mut Panel) -> Vec<Contribution> {
    let row = &batch.rows[place];
    let Origin::Sample { generation, .. } = row.origin else { return Vec::new() };
    if batch.combined[place].is_nan() {
        return Vec::new();
    }
    let Some(usual) = panel.usual(row.system_type, generation) else { return Vec::new() };
    let mut columns: Vec<Vec<f64>> = batch.columns.iter().map(|column| vec![column[place]]).collect();
    let mut tried: Vec<Contribution> = Vec::new();
    for (column, &usual) in catalog.features().into_iter().zip(&*usual) {
        let value = columns[column][0];
        let known = !value.is_nan() && !usual.is_nan();
        let Some(metric) = catalog.plan.latest(column).filter(|_| known) else { continue };
        let metric = catalog.metrics.name(metric.0).to_string();
        let tries = tried.len() + 1;
        columns.iter_mut().for_each(|column| column.resize(tries + 1, column[0]));
        columns[column][tries] = usual;
        tried.push(Contribution { metric, value, usual, score: 0.0 });
    }
    let rows = tried.len() + 1;
    let scores = panel.score(row.system_type, generation, &columns, rows).combined;
    for (contribution, score) in tried.iter_mut().zip(&scores[1..]) {
        contribution.score = scores[0] - score;
    }
    tried.retain(|contribution| contribution.score > 0.0);
    tried.sort_by(|a, b| b.score.total_cmp(&a.score));
    tried.truncate(CONTRIBUTIONS_MAX);
    tried
}

/// What is known of a system on a row: of the sample itself, or of the last one before the silence.
struct Known {
    sample_timestamp: Option<crate::time::Millis>,
    health_status: Option<String>,
    metrics: Map<String, Value>,
    custom_metrics: Map<String, Value>,
}

impl Known {
    fn of(row: &Row, batch: &Batch, round: &Round, catalog: &Catalog, systems: &Systems) -> Self {
        let mut known = Self {
            sample_timestamp: None,
            health_status: None,
            metrics: Map::new(),
            custom_metrics: Map::new(),
        };
        let values: &[(MetricId, f64)] = match row.origin {
            Origin::Sample { row: of_round, .. } => {
                let sample = round.samples.sample(of_round as usize);
                known.sample_timestamp = Some(sample.time);
                known.add_texts(sample.texts(), catalog);
                sample.values()
            }
            Origin::Silence { begin, end } => {
                known.add_texts(systems.get(row.system).latest_texts(), catalog);
                batch.remembered(begin, end)
            }
        };
        for &(metric, value) in values {
            let map = if metric.is_built_in() { &mut known.metrics } else { &mut known.custom_metrics };
            map.insert(catalog.metrics.name(metric.0).to_string(), json!(value));
        }
        known
    }

    fn add_texts<'a>(&mut self, texts: impl Iterator<Item = (MetricId, &'a str)>, catalog: &Catalog) {
        for (metric, text) in texts {
            if metric == HEALTH_STATUS {
                self.health_status = Some(text.to_owned());
            } else {
                self.custom_metrics.insert(catalog.metrics.name(metric.0).to_string(), json!(text));
            }
        }
    }
}

fn number(value: f64) -> Option<f64> {
    (!value.is_nan()).then_some(value)
}
