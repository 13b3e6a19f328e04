//! What an evaluation finds: figures, and what became of each incident and detection.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::figures::Scope;
use super::{Class, Extent, Figures, Finding, KindFigures, Labels, Matching};
use crate::model::DetectionType;
use crate::time::Millis;

/// What was run over the recording.
#[derive(Clone, Debug)]
pub struct Run {
    /// The rules in force and the type that each raises: one without detections has figures too.
    pub rules: BTreeMap<String, DetectionType>,
    /// What was watched.
    pub extent: Extent,
    /// Which detection answers which incident.
    pub matching: Matching,
}

/// How good the detections of a run are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What was watched.
    pub extent: Extent,
    /// Which detection answered which incident.
    pub matching: Matching,
    /// All detections, all expected incidents.
    pub overall: Figures,
    /// The detections and expected incidents of a type; incidents without a type are in none.
    pub by_type: BTreeMap<DetectionType, Figures>,
    /// The incidents and traps of a kind and the detections that belong to them.
    pub by_kind: BTreeMap<String, KindFigures>,
    /// The detections of a rule, and the expected incidents of the types that it raises.
    pub by_rule: BTreeMap<String, Figures>,
    /// What became of each label, in the order of the labels.
    pub incidents: Vec<IncidentOutcome>,
    /// What each detection is worth, in the order of opening.
    pub detections: Vec<Judged>,
}

/// What became of a label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentOutcome {
    /// The label's id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// The type that is right; null: any but disconnection.
    pub detection_type: Option<DetectionType>,
    /// Whether it should be found; if not, it is a trap.
    pub expected: bool,
    /// When it began.
    pub begin: Millis,
    /// When it ended.
    pub end: Millis,
    /// The rules with a right detection; empty: it was not found.
    pub found_by: BTreeSet<String>,
    /// From the first evidence to the first right detection, s.
    pub time_to_detect_s: Option<f64>,
}

/// What a detection is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Which.
    pub detection_id: Uuid,
    /// The rule that opened it.
    pub rule_id: String,
    /// What kind of trouble it tells of.
    pub detection_type: DetectionType,
    /// Whom it is about.
    pub systems: BTreeSet<String>,
    /// When it was opened.
    pub opened: Millis,
    /// When it was over, as far as is known.
    pub resolved: Option<Millis>,
    /// What it is worth.
    pub class: Class,
    /// The label that it belongs to; null: none.
    pub incident: Option<String>,
}

impl Report {
    /// Judges what a run found by the labels. The order of the findings does not matter.
    #[must_use]
    pub fn of(labels: &Labels, mut findings: Vec<Finding>, run: &Run) -> Self {
        findings.sort_by_key(|finding| (finding.opened, finding.detection_id));
        let answers = run.matching.answers(labels, &findings);
        let scope = |is_member: &dyn Fn(usize) -> bool| Scope {
            labels,
            findings: &findings,
            answers: &answers,
            members: (0..findings.len()).filter(|place| is_member(*place)).collect(),
        };

        let mut types_of_rules: BTreeMap<&str, BTreeSet<DetectionType>> =
            run.rules.iter().map(|(rule, raised)| (&**rule, [*raised].into())).collect();
        for finding in &findings {
            types_of_rules.entry(&finding.rule_id).or_default().insert(finding.detection_type);
        }
        let expected_types =
            labels.incidents().iter().filter(|i| i.expected).filter_map(|i| i.detection_type);
        let types: BTreeSet<_> = types_of_rules.values().flatten().copied().chain(expected_types).collect();
        let kinds: BTreeSet<&str> = labels.incidents().iter().map(|incident| &*incident.kind).collect();

        let by_type = types.into_iter().map(|kept| {
            let figures = scope(&|place| findings[place].detection_type == kept)
                .figures(run.extent, |incident| incident.detection_type == Some(kept));
            (kept, figures)
        });
        let by_rule = types_of_rules.iter().map(|(rule, raised)| {
            let figures = scope(&|place| findings[place].rule_id == *rule)
                .figures(run.extent, |incident| incident.detection_type.is_some_and(|t| raised.contains(&t)));
            ((*rule).to_owned(), figures)
        });
        let kind_of =
            |place: usize| answers[place].incident.map(|incident| &*labels.incidents()[incident].kind);
        let by_kind = kinds.into_iter().map(|kind| {
            let figures = scope(&|place| kind_of(place) == Some(kind)).kind(kind);
            (kind.to_owned(), figures)
        });

        let everything = scope(&|_| true);
        Self {
            extent: run.extent,
            matching: run.matching,
            overall: everything.figures(run.extent, |_| true),
            by_type: by_type.collect(),
            by_kind: by_kind.collect(),
            by_rule: by_rule.collect(),
            incidents: outcomes(&everything),
            detections: judged(&everything),
        }
    }
}

fn outcomes(scope: &Scope<'_>) -> Vec<IncidentOutcome> {
    let times_s = scope.times_to_detect_s();
    let mut found_by = vec![BTreeSet::new(); scope.labels.incidents().len()];
    for (answer, finding) in scope.answers.iter().zip(scope.findings) {
        if let (Class::Right, Some(place)) = (answer.class, answer.incident) {
            found_by[place].insert(finding.rule_id.clone());
        }
    }
    let of = |((place, incident), found_by): ((usize, &super::Incident), BTreeSet<String>)| IncidentOutcome {
        id: incident.id.clone(),
        kind: incident.kind.clone(),
        detection_type: incident.detection_type,
        expected: incident.expected,
        begin: incident.begin,
        end: incident.end,
        found_by,
        time_to_detect_s: times_s.get(&place).copied(),
    };
    scope.labels.incidents().iter().enumerate().zip(found_by).map(of).collect()
}

fn judged(scope: &Scope<'_>) -> Vec<Judged> {
    let of = |(answer, finding): (&super::matching::Answer, &Finding)| Judged {
        detection_id: finding.detection_id,
        rule_id: finding.rule_id.clone(),
        detection_type: finding.detection_type,
        systems: finding.systems.clone(),
        opened: finding.opened,
        resolved: finding.resolved,
        class: answer.class,
        incident: answer.incident.map(|place| scope.labels.incidents()[place].id.clone()),
    };
    scope.answers.iter().zip(scope.findings).map(of).collect()
}
