//! Laws of reports: counts add up, order does not matter, a difference is symmetric.

use proptest::prelude::*;
use uuid::Uuid;

use super::{at, incident, labels, run, systems_of};
use crate::evaluation::{Class, ClassCounts, Difference, Finding, Incident, Report};
use crate::model::DetectionType::{
    self, DataInconsistency, Disconnection, ResourceExhaustion, SecurityAnomaly,
};

const SYSTEMS: [&str; 5] = ["a", "b", "c", "slow", "stranger"];

fn kind() -> impl Strategy<Value = DetectionType> {
    prop::sample::select(vec![Disconnection, ResourceExhaustion, DataInconsistency, SecurityAnomaly])
}

fn some_systems() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(SYSTEMS.to_vec(), 1..4)
}

fn any_incident() -> impl Strategy<Value = Incident> {
    let times = (0_i32..3000, 0_i32..400, 0_i32..30);
    let types = (prop::option::weighted(0.8, kind()), prop::collection::btree_set(kind(), 0..2), kind());
    (some_systems(), times, types, prop::bool::weighted(0.75), prop::bool::weighted(0.1)).prop_map(
        |(systems, (begin, length, late), (expected_type, accepted, forbidden), expected, everyone)| {
            let (begin_s, end_s) = (f64::from(begin), f64::from(begin + length));
            Incident {
                kind: format!("{expected_type:?}{expected}"),
                detection_type: expected_type,
                accepted,
                forbidden: [forbidden].into(),
                expected,
                systems: systems_of(if everyone { &["*"] } else { &systems }),
                first_observable: at(begin_s + f64::from(late)),
                ..incident("", Disconnection, &["a"], begin_s, end_s)
            }
        },
    )
}

fn any_incidents() -> impl Strategy<Value = Vec<Incident>> {
    prop::collection::vec(any_incident(), 0..15).prop_map(|mut incidents| {
        (0..).zip(&mut incidents).for_each(|(n, incident)| incident.id = format!("i{n}"));
        incidents
    })
}

fn any_findings() -> impl Strategy<Value = Vec<Finding>> {
    let finding = (any::<u128>(), 0_u8..3, kind(), some_systems(), 0_i32..3600).prop_map(
        |(id, rule, detection_type, systems, opened_s)| Finding {
            detection_id: Uuid::from_u128(id),
            rule_id: format!("r{rule}"),
            detection_type,
            systems: systems.into_iter().map(str::to_owned).collect(),
            opened: at(f64::from(opened_s)),
            resolved: None,
        },
    );
    prop::collection::vec(finding, 0..40)
}

fn evaluated(incidents: &[Incident], findings: Vec<Finding>) -> Report {
    Report::of(&labels(incidents.to_vec()), findings, &run())
}

fn numbers(counts: &ClassCounts) -> [u64; 5] {
    [counts.right, counts.related, counts.traps, counts.wrong_types, counts.unmatched]
}

fn sum<'a>(counts: impl Iterator<Item = &'a ClassCounts>) -> [u64; 5] {
    counts.map(numbers).fold([0; 5], |sum, one| std::array::from_fn(|class| sum[class] + one[class]))
}

proptest! {
    #[test]
    fn counts_add_up(incidents in any_incidents(), findings in any_findings()) {
        let report = evaluated(&incidents, findings.clone());
        let all = &report.overall;
        prop_assert_eq!(all.detections.all(), findings.len() as u64);
        prop_assert_eq!(report.detections.len(), findings.len());
        prop_assert_eq!(sum(report.by_rule.values().map(|f| &f.detections)), numbers(&all.detections));
        prop_assert_eq!(sum(report.by_type.values().map(|f| &f.detections)), numbers(&all.detections));
        let of_kinds = sum(report.by_kind.values().map(|f| &f.detections));
        prop_assert_eq!(of_kinds[..4].to_vec(), numbers(&all.detections)[..4].to_vec());
        prop_assert_eq!(of_kinds[4], 0);

        let expected = incidents.iter().filter(|incident| incident.expected);
        let typeless = expected.clone().filter(|incident| incident.detection_type.is_none()).count() as u64;
        let found = report.incidents.iter().filter(|incident| !incident.found_by.is_empty());
        prop_assert_eq!(all.recall.trials, expected.count() as u64);
        prop_assert_eq!(all.recall.successes, found.clone().count() as u64);
        prop_assert_eq!(all.time_to_detect.map_or(0, |spread| spread.count), all.recall.successes);
        prop_assert_eq!(report.by_kind.values().map(|f| f.recall.trials).sum::<u64>(), all.recall.trials);
        prop_assert_eq!(report.by_kind.values().map(|f| f.recall.successes).sum::<u64>(), all.recall.successes);
        prop_assert_eq!(report.by_type.values().map(|f| f.recall.trials).sum::<u64>() + typeless, all.recall.trials);
        let typed = found.filter(|incident| incident.detection_type.is_some()).count() as u64;
        prop_assert_eq!(report.by_type.values().map(|f| f.recall.successes).sum::<u64>(), typed);
        prop_assert_eq!(report.by_kind.values().map(|f| f.traps).sum::<u64>() + all.recall.trials, incidents.len() as u64);

        let volume = all.detections_per_system_day.unwrap();
        prop_assert!((volume * 10.0 - findings.len() as f64).abs() < 1e-9);
        prop_assert!(all.peak_per_hour <= all.detections.all());
        prop_assert!(all.peak_per_hour >= all.detections.all().min(1));
        for judged in &report.detections {
            prop_assert_eq!(judged.class == Class::False, judged.incident.is_none());
        }
    }

    #[test]
    fn the_order_of_detections_does_not_matter(
        incidents in any_incidents(),
        (findings, shuffled) in any_findings().prop_flat_map(|f| (Just(f.clone()), Just(f).prop_shuffle())),
    ) {
        prop_assert_eq!(evaluated(&incidents, findings), evaluated(&incidents, shuffled));
    }

    #[test]
    fn one_more_detection_changes_no_other(incidents in any_incidents(), findings in any_findings()) {
        let with = evaluated(&incidents, findings.clone());
        let Some((last, rest)) = findings.split_last() else { return Ok(()) };
        let without = evaluated(&incidents, rest.to_vec());
        let kept: Vec<_> =
            with.detections.into_iter().filter(|judged| judged.detection_id != last.detection_id).collect();
        prop_assert_eq!(kept, without.detections);
        prop_assert!(with.overall.recall.successes >= without.overall.recall.successes);
    }

    #[test]
    fn a_difference_is_symmetric_and_complete(
        incidents in any_incidents(), one in any_findings(), other in any_findings(),
    ) {
        let (a, b) = (evaluated(&incidents, one), evaluated(&incidents, other));
        let (there, back) = (Difference::between(&a, &b).unwrap(), Difference::between(&b, &a).unwrap());
        prop_assert_eq!(&there.found_only_by_a, &back.found_only_by_b);
        prop_assert_eq!(&there.found_only_by_b, &back.found_only_by_a);
        for (there, back) in there.overall.iter().zip(&back.overall) {
            prop_assert_eq!(there.change, back.change.map(|change| 0.0 - change));
            prop_assert_eq!(there.intervals_overlap, back.intervals_overlap);
        }
        let (hits_a, hits_b) = (a.overall.recall.successes, b.overall.recall.successes);
        let (only_a, only_b) = (there.found_only_by_a.len() as u64, there.found_only_by_b.len() as u64);
        prop_assert_eq!(hits_a + only_b, hits_b + only_a);
        // What both raised is the same number on both sides, whichever side is asked first.
        let alarms = |report: &Report| report.overall.detections.false_alarms();
        let (only_a, only_b) = (there.false_alarms_only_of_a.len(), there.false_alarms_only_of_b.len());
        prop_assert_eq!(alarms(&a) - only_a as u64, alarms(&b) - only_b as u64);
        prop_assert_eq!(only_a, back.false_alarms_only_of_b.len());

        let same = Difference::between(&a, &a).unwrap();
        prop_assert!(same.found_only_by_a.is_empty() && same.found_only_by_b.is_empty());
        prop_assert!(same.false_alarms_only_of_a.is_empty() && same.false_alarms_only_of_b.is_empty());
        prop_assert!(same.overall.iter().all(|delta| !delta.is_change()));
    }
}
