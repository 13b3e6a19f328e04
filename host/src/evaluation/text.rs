//! Reports and differences for a reader.

use serde::Serialize;

use super::grid::{Grid, plain};
use super::{ClassCounts, Delta, Difference, Figures, Judged, Proportion, Report, Spread};

/// Ids and alarms of one list that are shown; the rest is counted.
const SHOWN: usize = 20;

impl Report {
    /// The report as tables. Shares are followed by their 95 % intervals, times are seconds.
    #[must_use]
    pub fn text(&self) -> String {
        let mut quality = Grid::new(&[
            "",
            "detections",
            "right",
            "related",
            "traps",
            "wrong",
            "false",
            "precision",
            "95 %",
            "incidents",
            "recall",
            "95 %",
        ]);
        let mut pace = Grid::new(&[
            "",
            "detect median s",
            "p90 s",
            "p99 s",
            "a system-day",
            "peak an hour",
            "false/100 days",
        ]);
        let types = self.by_type.iter().map(|(kind, figures)| (word(kind), figures));
        let rules = self.by_rule.iter().map(|(rule, figures)| (format!("rule {rule}"), figures));
        for (name, figures) in [("all".to_owned(), &self.overall)].into_iter().chain(types).chain(rules) {
            quality.row(
                [name.clone()]
                    .into_iter()
                    .chain(counts(&figures.detections))
                    .chain(share(&figures.precision))
                    .chain([figures.recall.trials.to_string()])
                    .chain(share(&figures.recall)),
            );
            pace.row([name].into_iter().chain(times(figures.time_to_detect)).chain(volume(figures)));
        }
        let mut kinds = Grid::new(&[
            "kind",
            "incidents",
            "recall",
            "95 %",
            "precision",
            "95 %",
            "detect median s",
            "p90 s",
            "p99 s",
            "wrong",
        ]);
        let mut traps = Grid::new(&["trap (must stay quiet)", "traps", "sprung", "detections"]);
        for (kind, figures) in &self.by_kind {
            if figures.recall.trials > 0 {
                kinds.row(
                    [kind.clone(), figures.recall.trials.to_string()]
                        .into_iter()
                        .chain(share(&figures.recall))
                        .chain(share(&figures.precision))
                        .chain(times(figures.time_to_detect))
                        .chain([figures.detections.wrong_types.to_string()]),
                );
            }
            if figures.traps > 0 {
                let numbers = [figures.traps, figures.traps_sprung, figures.detections.traps];
                traps.row([kind.clone()].into_iter().chain(numbers.map(|number| number.to_string())));
            }
        }
        let days = self.extent.system_days();
        let watched = format!("{} systems, {days:.2} system-days\n", self.extent.systems);
        [watched, quality.text(), pace.text(), kinds.text(), traps.text()].join("\n")
    }
}

impl Difference {
    /// The difference as tables: what was found and raised on one side only, and every figure that changed.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (side, ids) in [("A", &self.found_only_by_a), ("B", &self.found_only_by_b)] {
            list(&mut text, &format!("found only by {side}"), ids.iter().map(|id| plain(id)));
        }
        for (side, alarms) in [("A", &self.false_alarms_only_of_a), ("B", &self.false_alarms_only_of_b)] {
            list(&mut text, &format!("false alarms only of {side}"), alarms.iter().map(alarm));
        }
        let mut grid = Grid::new(&["figure", "A", "B", "change", "95 % intervals"]);
        let mut unchanged = 0;
        let types = self.by_type.iter().map(|(kind, deltas)| (format!("{}: ", word(kind)), deltas));
        let kinds = self.by_kind.iter().map(|(kind, deltas)| (format!("kind {kind}: "), deltas));
        let rules = self.by_rule.iter().map(|(rule, deltas)| (format!("rule {rule}: "), deltas));
        let scopes = [(String::new(), &self.overall)].into_iter().chain(types).chain(kinds).chain(rules);
        for (scope, deltas) in scopes {
            for delta in deltas {
                if delta.is_change() {
                    grid.row(changed(&scope, delta));
                } else {
                    unchanged += 1;
                }
            }
        }
        text.push('\n');
        text.push_str(&grid.text());
        text.push_str(&format!("{unchanged} figures are the same\n"));
        text
    }
}

fn changed(scope: &str, delta: &Delta) -> [String; 5] {
    let intervals = match delta.intervals_overlap {
        Some(true) => "overlap",
        Some(false) => "apart",
        None => "",
    };
    let change = delta.change.map_or_else(|| "-".to_owned(), |change| format!("{change:+.3}"));
    let figure = delta.figure.replace('_', " ");
    [format!("{scope}{figure}"), number(delta.a, 3), number(delta.b, 3), change, intervals.to_owned()]
}

fn list(text: &mut String, title: &str, items: impl ExactSizeIterator<Item = String>) {
    let count = items.len();
    text.push_str(&format!("{title}: {count}\n"));
    for item in items.take(SHOWN) {
        text.push_str(&format!("  {item}\n"));
    }
    if count > SHOWN {
        text.push_str(&format!("  and {} more\n", count - SHOWN));
    }
}

fn alarm(judged: &Judged) -> String {
    let first = judged.systems.first().map(|system| plain(system)).unwrap_or_default();
    let others = match judged.systems.len() {
        0 | 1 => String::new(),
        systems => format!(" and {} more", systems - 1),
    };
    let length = judged.resolved.map_or_else(
        || "not over".to_owned(),
        |resolved| format!("over after {:.0} s", resolved.seconds_since(judged.opened)),
    );
    let during = judged.incident.as_deref().map(|id| format!(", during {}", plain(id))).unwrap_or_default();
    let rule = plain(&judged.rule_id);
    format!(
        "{} {} on {first}{others} by {rule}, {length}{during}",
        judged.opened,
        word(judged.detection_type)
    )
}

fn counts(counts: &ClassCounts) -> [String; 6] {
    [counts.all(), counts.right, counts.related, counts.traps, counts.wrong_types, counts.unmatched]
        .map(|count| count.to_string())
}

fn share(proportion: &Proportion) -> [String; 2] {
    let interval = proportion
        .share
        .map_or_else(|| "-".to_owned(), |_| format!("{:.2}\u{2013}{:.2}", proportion.low, proportion.high));
    [number(proportion.share, 2), interval]
}

fn times(spread: Option<Spread>) -> [String; 3] {
    [spread.map(|s| s.median_s), spread.map(|s| s.p90_s), spread.map(|s| s.p99_s)].map(|time| number(time, 1))
}

fn volume(figures: &Figures) -> [String; 3] {
    [
        number(figures.detections_per_system_day, 2),
        figures.peak_per_hour.to_string(),
        number(figures.false_alarms_per_100_system_days, 1),
    ]
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// The name of a variant, as in the API.
fn word(variant: impl Serialize) -> String {
    serde_json::to_value(variant).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
