//! Which detection answers which incident. The rules are those of `score_detections.py`.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Finding, Incident, Labels, Systems};
use crate::model::DetectionType;
use crate::time::Millis;

/// How late a detection may come. One that was opened as early as one interval of its system before an
/// incident begins is about that incident all the same, whenever it was resolved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Matching {
    grace_s: f64,
    pause_margin_s: f64,
}

/// A margin that is none.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{field}: found {found}, expected seconds from 0 to 1000000000")]
pub struct MatchingError {
    /// Which.
    pub field: &'static str,
    /// Its value.
    pub found: f64,
}

/// What a detection is worth; the first that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It is about an expected incident and of its type.
    Right,
    /// It is a true consequence of an incident.
    Related,
    /// It was opened where it must not be.
    Trap,
    /// It is about an expected incident of another type.
    Wrong,
    /// It is about nothing.
    False,
}

/// The class of a detection, and the place of the incident that it belongs to; none for `False`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) class: Class,
    pub(super) incident: Option<usize>,
}

impl Default for Matching {
    /// Two minutes after an incident, half a minute after a pause of the monitor.
    fn default() -> Self {
        Self { grace_s: 120.0, pause_margin_s: 30.0 }
    }
}

impl Matching {
    /// A detection may come `grace_s` after an incident (at least three of its intervals), and
    /// `pause_margin_s` after a trap that concerns everyone it is still a consequence.
    ///
    /// # Errors
    /// A margin is negative, too large or not a number.
    pub fn new(grace_s: f64, pause_margin_s: f64) -> Result<Self, MatchingError> {
        for (field, found) in [("grace_s", grace_s), ("pause_margin_s", pause_margin_s)] {
            if !(0.0..=1e9).contains(&found) {
                return Err(MatchingError { field, found });
            }
        }
        Ok(Self { grace_s, pause_margin_s })
    }

    /// The last moment at which a detection may be opened and still be about this incident.
    fn until(self, incident: &Incident) -> Millis {
        let is_pause = !incident.expected && incident.systems == Systems::All;
        let margin_s =
            if is_pause { self.pause_margin_s } else { self.grace_s.max(3.0 * incident.interval_s) };
        later(incident.end, margin_s)
    }

    /// The answer of each finding, in their order.
    pub(super) fn answers(self, labels: &Labels, findings: &[Finding]) -> Vec<Answer> {
        let mut by_system: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut everywhere = Vec::new();
        for (place, incident) in labels.incidents().iter().enumerate() {
            match &incident.systems {
                Systems::All => everywhere.push(place),
                Systems::These(systems) => {
                    systems.iter().for_each(|system| by_system.entry(system).or_default().push(place));
                }
            }
        }
        let answer = |finding: &Finding| {
            let mut near: Vec<usize> =
                finding.systems.iter().filter_map(|s| by_system.get(s.as_str())).flatten().copied().collect();
            near.sort_unstable();
            near.dedup();
            let lead_s = finding.systems.iter().map(|s| labels.interval_s(s)).fold(0.0, f64::max);
            near.into_iter()
                .chain(everywhere.iter().copied())
                .map(|place| (place, &labels.incidents()[place]))
                .filter(|(_, incident)| self.touches(incident, finding, lead_s))
                .filter_map(|(place, incident)| {
                    Some((class(incident, finding.detection_type)?, place, incident))
                })
                // The best class; of several incidents, the last that began before the opening.
                .min_by_key(|(class, _, incident)| {
                    (*class, incident.begin > finding.opened, Reverse(incident.begin), &incident.kind)
                })
                .map_or(Answer { class: Class::False, incident: None }, |(class, place, _)| Answer {
                    class,
                    incident: Some(place),
                })
        };
        findings.iter().map(answer).collect()
    }

    /// Whether a detection is about an incident, by time and systems. `lead_s` is the interval of its slowest
    /// system.
    fn touches(self, incident: &Incident, finding: &Finding, lead_s: f64) -> bool {
        let lead_s = if incident.systems == Systems::All { 0.0 } else { lead_s };
        let in_time =
            later(incident.begin, -lead_s) <= finding.opened && finding.opened <= self.until(incident);
        in_time
            && match &incident.systems {
                Systems::All => true,
                Systems::These(systems) => {
                    2 * systems.intersection(&finding.systems).count() >= finding.systems.len()
                }
            }
    }
}

/// What an incident says about a detection that touches it; none: nothing.
fn class(incident: &Incident, found: DetectionType) -> Option<Class> {
    let is_right =
        incident.detection_type.map_or(found != DetectionType::Disconnection, |expected| expected == found);
    if incident.expected && is_right {
        Some(Class::Right)
    } else if incident.accepted.contains(&found) {
        Some(Class::Related)
    } else if incident.forbidden.contains(&found) {
        Some(Class::Trap)
    } else {
        incident.expected.then_some(Class::Wrong)
    }
}

/// `time`, `seconds` later, to the nearest millisecond: intervals are decimal fractions.
fn later(time: Millis, seconds: f64) -> Millis {
    Millis(time.0.saturating_add((seconds * 1e3).round() as i64))
}
