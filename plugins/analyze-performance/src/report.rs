//! What was found, as a sentence and as a document.

use lapwing_sdk::action::{Detection, Host, Request, rfc3339, time_of_day};
use serde_json::{Value, json};

use crate::company::{Company, company};
use crate::movement::Movement;

/// Metrics that the sentence names after the first one.
const NAMED_MAX: usize = 2;

/// What was found.
pub(crate) struct Analysis<'a> {
    request: &'a Request,
    detection: &'a Detection,
    /// All metrics, those that have moved first, and the one that moved most before all.
    movements: &'a [Movement],
    /// The metric that moved first.
    lead: Option<&'a Movement>,
    company: Company,
}

impl<'a> Analysis<'a> {
    pub(crate) fn new(
        request: &'a Request,
        detection: &'a Detection,
        movements: &'a [Movement],
        host: &dyn Host,
    ) -> Self {
        let moved = movements.iter().filter_map(|movement| Some((movement.changed_at()?, movement)));
        // Of several at the same time the one that moved most, which comes first in the list.
        let lead = moved.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, movement)| movement);
        let company = lead.map(|lead| company(host, &detection.system_id, lead)).unwrap_or_default();
        Self { request, detection, movements, lead, company }
    }

    /// "response_time_ms rose 4.1× at 12:04:10, before cpu_usage_percent; 3 systems of zone eu-1 moved with it".
    pub(crate) fn summary(&self) -> String {
        let Some((lead, at)) = self.lead.and_then(|lead| Some((lead, lead.changed_at()?))) else {
            return format!("no metric of {} has left its usual range", self.detection.system_id);
        };
        let mut summary = format!("{} {} at {}", lead.metric, lead.in_words(), time_of_day(at));
        let others = |later: bool| {
            let others = self.movements.iter().filter(|other| other.metric != lead.metric);
            others
                .filter(|other| other.changed_at().is_some_and(|time| (time > at) == later))
                .collect::<Vec<_>>()
        };
        for (word, others) in [("together with", others(false)), ("before", others(true))] {
            if !others.is_empty() {
                summary = format!("{summary}, {word} {}", listed(&others));
            }
        }
        if let Some(most) = self.movements.first().filter(|most| most.metric != lead.metric) {
            summary = format!("{summary}; {} moved most: it {}", most.metric, most.in_words());
        }
        match self.in_company() {
            Some(company) => format!("{summary}; {company}"),
            None => summary,
        }
    }

    fn in_company(&self) -> Option<String> {
        let Company { looked_at, moved } = &self.company;
        let same_type =
            moved.iter().filter(|other| other.peer.system_type == self.detection.system_type).count();
        let zone = self.detection.labels.get("zone");
        // Peers share the type or the zone: those of another type are of the zone.
        let kin = match (moved.len() - same_type, zone) {
            (0, _) => format!("of type {}", self.detection.system_type),
            (others, Some(zone)) if others == moved.len() => format!("of zone {zone}"),
            _ => "of its type or zone".to_owned(),
        };
        match (&moved[..], looked_at) {
            ([], 0) => None,
            ([], 1) => Some("its one peer did not move with it".to_owned()),
            ([], peers) => Some(format!("none of its {peers} peers moved with it")),
            ([only], _) => Some(format!("{} moved with it", only.peer.system_id)),
            (several, _) => Some(format!("{} systems {kin} moved with it", several.len())),
        }
    }

    /// The document `performance.json`.
    pub(crate) fn report(&self, summary: &str) -> Value {
        let metrics: Vec<Value> = self.movements.iter().map(metric).collect();
        let moved_with_it: Vec<Value> = self
            .company
            .moved
            .iter()
            .map(|other| {
                json!({
                    "system_id": other.peer.system_id,
                    "system_type": other.peer.system_type,
                    "changed_at": rfc3339(other.changed_at),
                    "correlation": rounded(other.correlation),
                })
            })
            .collect();
        let moved = self.movements.iter().filter(|movement| movement.changed.is_some());
        let mut first: Vec<&Movement> = moved.clone().collect();
        first.sort_by(|a, b| {
            a.changed_at().unwrap_or_default().total_cmp(&b.changed_at().unwrap_or_default())
        });
        json!({
            "summary": summary,
            "system_id": self.detection.system_id,
            "detection_id": self.detection.detection_id,
            "analysed_at": rfc3339(self.request.now),
            "moved_most": moved.map(|movement| &movement.metric).collect::<Vec<_>>(),
            "moved_first": first.iter().map(|movement| &movement.metric).collect::<Vec<_>>(),
            "metrics": metrics,
            "peers": { "looked_at": self.company.looked_at, "moved_with_it": moved_with_it },
        })
    }
}

fn metric(movement: &Movement) -> Value {
    json!({
        "metric": movement.metric,
        "samples": movement.points.len(),
        "baseline_median": movement.baseline,
        "baseline_spread": rounded(movement.spread),
        "recent_median": movement.recent,
        "shift_in_spreads": rounded(movement.shift),
        "ratio": movement.ratio().map(rounded),
        "changed_at": movement.changed_at().map(rfc3339),
    })
}

/// "a", "a and b", "a, b and 3 more".
fn listed(movements: &[&Movement]) -> String {
    let names: Vec<&str> =
        movements.iter().take(NAMED_MAX).map(|movement| movement.metric.as_str()).collect();
    match movements.len() {
        0..=NAMED_MAX => names.join(" and "),
        many => format!("{} and {} more", names.join(", "), many - NAMED_MAX),
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
