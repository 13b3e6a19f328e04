//! What a program measured, and what it found broken.

use std::time::Duration;

use crate::latencies::Latencies;

/// A program's findings, in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Report {
    title: String,
    lines: Vec<Line>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct Line {
    name: String,
    value: String,
    wanted: String,
    verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Told,
    Met,
    Missed,
    Held,
    Broken,
}

impl Report {
    /// An empty report.
    pub(crate) fn new(title: &str) -> Self {
        Self { title: title.to_owned(), ..Self::default() }
    }

    /// A figure that nothing is asked of.
    pub(crate) fn figure(&mut self, name: &str, value: impl Into<String>) {
        self.line(name, value.into(), String::new(), Verdict::Told);
    }

    /// A figure with a target, which is missed without being wrong.
    pub(crate) fn target(&mut self, name: &str, value: impl Into<String>, wanted: &str, met: bool) {
        let verdict = if met { Verdict::Met } else { Verdict::Missed };
        self.line(name, value.into(), wanted.to_owned(), verdict);
    }

    /// Something that must hold; the error says what was found instead.
    pub(crate) fn invariant(&mut self, name: &str, held: Result<String, String>) {
        match held {
            Ok(value) => self.line(name, value, "must hold".to_owned(), Verdict::Held),
            Err(found) => self.line(name, found, "must hold".to_owned(), Verdict::Broken),
        }
    }

    /// A sentence below the table.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// The usual percentiles of latencies.
    pub(crate) fn latency(&mut self, name: &str, latencies: &Latencies) {
        self.figure(name, latencies.to_string());
    }

    /// Whether an invariant was broken.
    pub(crate) fn is_broken(&self) -> bool {
        self.lines.iter().any(|line| line.verdict == Verdict::Broken)
    }

    /// Whether a target was missed.
    pub(crate) fn is_missed(&self) -> bool {
        self.lines.iter().any(|line| line.verdict == Verdict::Missed)
    }

    /// The findings as a table.
    pub(crate) fn table(&self) -> String {
        let width = self.lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
        let mut text = format!("{}\n", self.title);
        for Line { name, value, wanted, verdict } in &self.lines {
            let verdict = match verdict {
                Verdict::Told => String::new(),
                Verdict::Met => format!("  [{wanted}: met]"),
                Verdict::Missed => format!("  [{wanted}: MISSED]"),
                Verdict::Held => "  [holds]".to_owned(),
                Verdict::Broken => "  [BROKEN]".to_owned(),
            };
            text.push_str(&format!("  {name:<width$}  {value}{verdict}\n"));
        }
        for note in &self.notes {
            text.push_str(&format!("  note: {note}\n"));
        }
        text
    }

    fn line(&mut self, name: &str, value: String, wanted: String, verdict: Verdict) {
        self.lines.push(Line { name: name.to_owned(), value, wanted, verdict });
    }
}

/// Microseconds as a person would write them.
pub(crate) fn show_us(micros: f64) -> String {
    match micros {
        us if us < 1e3 => format!("{us:.0} us"),
        us if us < 1e6 => format!("{:.1} ms", us / 1e3),
        us => format!("{:.2} s", us / 1e6),
    }
}

/// A duration as a person would write it.
pub(crate) fn show(duration: Duration) -> String {
    show_us(duration.as_secs_f64() * 1e6)
}

/// Bytes in megabytes.
pub(crate) fn show_mb(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_target_is_not_a_broken_invariant() {
        let mut report = Report::new("load");
        report.target("rate", "90", "at least 100", false);
        report.invariant("counts", Ok("equal".to_owned()));
        assert!(report.is_missed() && !report.is_broken());
        report.invariant("counts", Err("3 are missing".to_owned()));
        assert!(report.is_broken());
        assert!(report.table().contains("counts  3 are missing  [BROKEN]"), "{}", report.table());
    }
}
