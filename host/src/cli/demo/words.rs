//! Numbers, times and states in words, as both displays say them.

use super::sample::Sample;
use crate::model::Severity;
use crate::time::Millis;

/// A metric that is shown.
pub(super) struct Shown {
    pub(super) label: &'static str,
    unit: Unit,
    pub(super) of: fn(&Sample) -> Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Percent,
    /// A share from 0 to 1, shown as percent.
    Share,
    Milliseconds,
    PerSecond,
    BytesPerSecond,
    Count,
}

/// The metrics, in the order in which they are shown.
pub(super) const SHOWN: [Shown; 10] = [
    Shown { label: "cpu", unit: Unit::Percent, of: |sample| sample.metrics.cpu_usage_percent },
    Shown { label: "memory", unit: Unit::Percent, of: |sample| sample.metrics.memory_usage_percent },
    Shown { label: "disk", unit: Unit::Percent, of: |sample| sample.metrics.disk_usage_percent },
    Shown { label: "response", unit: Unit::Milliseconds, of: |sample| sample.metrics.response_time_ms },
    Shown { label: "latency", unit: Unit::Milliseconds, of: |sample| sample.metrics.network_latency_ms },
    Shown { label: "errors", unit: Unit::Share, of: |sample| sample.metrics.error_rate },
    Shown { label: "throughput", unit: Unit::PerSecond, of: |sample| Some(sample.metrics.throughput) },
    Shown {
        label: "connections",
        unit: Unit::Count,
        of: |sample| Some(sample.metrics.active_connections as f64),
    },
    Shown { label: "queue", unit: Unit::Count, of: |sample| Some(sample.metrics.queue_depth as f64) },
    Shown { label: "network", unit: Unit::BytesPerSecond, of: Sample::network_bytes_per_s },
];

impl Shown {
    /// The value with its unit; a dash where there is none.
    pub(super) fn text(&self, value: Option<f64>) -> String {
        let Some(value) = value else { return "-".to_owned() };
        match self.unit {
            Unit::Percent => format!("{value:.1} %"),
            Unit::Share => format!("{:.0} %", value * 100.0),
            Unit::Milliseconds => milliseconds(value),
            Unit::PerSecond => format!("{value:.0} /s"),
            Unit::BytesPerSecond => bytes_per_second(value),
            Unit::Count => format!("{value:.0}"),
        }
    }

    /// The value that fills a bar, if it does not depend on the values seen.
    pub(super) fn full(&self) -> Option<f64> {
        match self.unit {
            Unit::Percent => Some(100.0),
            Unit::Share => Some(1.0),
            _ => None,
        }
    }
}

fn milliseconds(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.2} ms"),
        value if value < 1000.0 => format!("{value:.0} ms"),
        value => format!("{:.1} s", value / 1e3),
    }
}

fn bytes_per_second(value: f64) -> String {
    match value {
        value if value < 1e3 => format!("{value:.0} B/s"),
        value if value < 1e6 => format!("{:.1} kB/s", value / 1e3),
        value => format!("{:.1} MB/s", value / 1e6),
    }
}

/// `12 s`, `3 min 4 s`, `2 h 5 min`, `4 d 1 h`.
pub(super) fn duration(seconds: f64) -> String {
    let seconds = seconds as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// `1 detection`, `2 detections`.
pub(super) fn detections(count: u64) -> String {
    format!("{count} detection{}", if count == 1 { "" } else { "s" })
}

/// Lines of at most `width` characters, broken between words.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The time of day, UTC.
pub(super) fn time_of_day(time: Millis) -> String {
    let second = time.0.div_euclid(1000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "HIGH",
        Severity::Critical => "CRITICAL",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_at_most_two_units() {
        let said = [0.9, 59.0, 184.0, 7500.0, 349_200.0].map(duration);
        assert_eq!(said, ["0 s", "59 s", "3 min 4 s", "2 h 5 min", "4 d 1 h"]);
    }

    #[test]
    fn lines_break_between_words_and_words_stay_whole() {
        assert_eq!(wrapped("a bc def unbreakable g", 6), ["a bc", "def", "unbreakable", "g"]);
    }

    #[test]
    fn the_time_of_day_is_that_of_utc() {
        assert_eq!(time_of_day(Millis::parse("2026-03-01T01:02:03.999+01:00").unwrap()), "00:02:03");
    }
}
