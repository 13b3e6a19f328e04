use super::{finding, incident, report, trap};
use crate::evaluation::{Delta, Difference, Finding, Incident, Incomparable, Report};
use crate::model::DetectionType::{Disconnection, ResourceExhaustion};

fn incidents() -> Vec<Incident> {
    vec![
        incident("one", Disconnection, &["a"], 1000.0, 1100.0),
        incident("two", Disconnection, &["b"], 1000.0, 1100.0),
        incident("three", ResourceExhaustion, &["c"], 1000.0, 1100.0),
        trap("pause", Disconnection, &["*"], 5000.0, 5010.0),
    ]
}

fn of(findings: Vec<Finding>) -> Report {
    report(incidents(), findings)
}

/// The seconds after the beginning at which these were opened.
fn opened(alarms: &[crate::evaluation::Judged]) -> Vec<f64> {
    alarms.iter().map(|alarm| alarm.opened.seconds_since(super::at(0.0))).collect()
}

fn figure<'a>(deltas: &'a [Delta], name: &str) -> &'a Delta {
    deltas.iter().find(|delta| delta.figure == name).unwrap()
}

#[test]
fn it_tells_what_only_one_of_them_found_and_raised() {
    let a = of(vec![
        finding(Disconnection, &["a"], 1010.0),
        finding(Disconnection, &["b"], 1010.0),
        finding(Disconnection, &["d"], 3000.0),
        finding(Disconnection, &["e"], 5001.0),
    ]);
    let b = of(vec![
        finding(Disconnection, &["b"], 1030.0),
        finding(ResourceExhaustion, &["c"], 1010.0),
        finding(Disconnection, &["d"], 3090.0),
        finding(ResourceExhaustion, &["d"], 3000.0),
    ]);
    let difference = Difference::between(&a, &b).unwrap();
    assert_eq!(difference.found_only_by_a, ["one"]);
    assert_eq!(difference.found_only_by_b, ["three"]);
    assert_eq!(opened(&difference.false_alarms_only_of_a), [5001.0]);
    assert_eq!(opened(&difference.false_alarms_only_of_b), [3000.0]);

    let precision = figure(&difference.overall, "precision");
    assert_eq!((precision.a, precision.b, precision.change), (Some(0.5), Some(0.5), Some(0.0)));
    assert_eq!(precision.intervals_overlap, Some(true));
    let median = figure(&difference.by_type[&Disconnection], "time_to_detect_median_s");
    assert_eq!((median.change, median.intervals_overlap), (Some(20.0), None));
    let missing = figure(&difference.by_rule["rule ResourceExhaustion"], "precision");
    assert_eq!((missing.a, missing.b, missing.change), (None, Some(0.5), None));

    let text = difference.text();
    for line in [
        "found only by A: 1\n  one\n",
        "found only by B: 1\n  three\n",
        "false alarms only of A: 1\n  2026-01-05T01:23:21.000Z disconnection on e by rule Disconnection, not over, \
         during pause\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn without_trials_intervals_tell_nothing() {
    let difference = Difference::between(&of(Vec::new()), &of(vec![finding(Disconnection, &["a"], 1010.0)]));
    let overall = difference.unwrap().overall;
    let overlap = ["precision", "recall"].map(|name| figure(&overall, name).intervals_overlap);
    assert_eq!(overlap, [None, Some(true)]);
}

#[test]
fn intervals_can_be_apart() {
    let many = |hits: usize| {
        let incidents = (0..40).map(|n| {
            incident(&n.to_string(), Disconnection, &["a"], 1000.0 * n as f64, 1000.0 * n as f64 + 100.0)
        });
        let findings = (0..hits).map(|n| finding(Disconnection, &["a"], 1000.0 * n as f64 + 50.0));
        report(incidents.collect(), findings.collect())
    };
    let difference = Difference::between(&many(4), &many(36)).unwrap();
    assert_eq!(figure(&difference.overall, "recall").intervals_overlap, Some(false));
    assert!(difference.text().contains("apart"));
    assert!(difference.text().contains("and 12 more"));
}

#[test]
fn false_alarms_have_one_counterpart_each() {
    // Openings in A, openings in B, those only of A, those only of B.
    type Case = [&'static [f64]; 4];
    let cases: [Case; 7] = [
        [&[3000.0], &[3120.0], &[], &[]],
        [&[3000.0], &[3120.001], &[3000.0], &[3120.001]],
        [&[3120.0], &[3000.0], &[], &[]],
        [&[3000.0, 3010.0], &[3005.0], &[3010.0], &[]],
        [&[3000.0, 3100.0], &[3100.0, 3200.0], &[], &[]],
        [&[3400.0, 3000.0], &[3200.0, 3410.0], &[3000.0], &[3200.0]],
        [&[], &[3010.0, 3000.0], &[], &[3000.0, 3010.0]],
    ];
    let report = |opened: &[f64]| of(opened.iter().map(|s| finding(Disconnection, &["d"], *s)).collect());
    for [a, b, only_a, only_b] in cases {
        let difference = Difference::between(&report(a), &report(b)).unwrap();
        assert_eq!(opened(&difference.false_alarms_only_of_a), only_a, "{a:?} {b:?}");
        assert_eq!(opened(&difference.false_alarms_only_of_b), only_b, "{a:?} {b:?}");
    }
}

#[test]
fn only_reports_on_the_same_labels_are_compared() {
    let a = of(Vec::new());
    let moved = Incident { end: super::at(1101.0), ..incidents()[1].clone() };
    let changed = vec![incidents()[0].clone(), moved, incidents()[2].clone(), incidents()[3].clone()];
    assert_eq!(
        Difference::between(&a, &report(changed, Vec::new())),
        Err(Incomparable::Labels("two".to_owned()))
    );
    let fewer = report(incidents()[..2].to_vec(), Vec::new());
    assert_eq!(Difference::between(&a, &fewer), Err(Incomparable::Labels("three".to_owned())));
    assert_eq!(Difference::between(&fewer, &a), Err(Incomparable::Labels("three".to_owned())));
    let mut longer = a.clone();
    longer.extent.end = super::at(1e6);
    assert_eq!(Difference::between(&a, &longer), Err(Incomparable::Extent));
    let mut stricter = a.clone();
    stricter.matching = crate::evaluation::Matching::new(0.0, 0.0).unwrap();
    assert_eq!(Difference::between(&a, &stricter), Err(Incomparable::Matching));
}

#[test]
fn a_report_reads_as_tables() {
    let text = report(
        vec![
            Incident {
                kind: "gone \u{1b}[31m".to_owned(),
                ..incident("one", Disconnection, &["a"], 1000.0, 1100.0)
            },
            trap("pause", Disconnection, &["*"], 5000.0, 5010.0),
        ],
        vec![finding(Disconnection, &["a"], 1012.5), finding(Disconnection, &["e"], 5001.0)],
    )
    .text();
    assert!(text.starts_with("10 systems, 10.00 system-days\n\n"), "{text}");
    for words in [
        ["all", "2", "1", "0", "1", "0", "0", "0.50", "0.09\u{2013}0.91", "1", "1.00", "0.21\u{2013}1.00"]
            .as_slice(),
        &["all", "12.5", "12.5", "12.5", "0.20", "1", "10.0"],
        &[
            "gone",
            "\\u{1b}[31m",
            "1",
            "1.00",
            "0.21\u{2013}1.00",
            "1.00",
            "0.21\u{2013}1.00",
            "12.5",
            "12.5",
            "12.5",
            "0",
        ],
        &["trap", "1", "1", "1"],
    ] {
        let is_there = text.lines().any(|line| line.split_whitespace().eq(words.iter().copied()));
        assert!(is_there, "{words:?} in\n{text}");
    }
    assert!(!text.contains('\u{1b}'));
    assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
}
