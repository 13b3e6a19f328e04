//! `lapwing backtest`: how good the rules in force are on recorded samples with labels.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;

use super::{Exit, Setup};
use crate::detections::Detection;
use crate::evaluation::{Difference, Extent, Finding, Findings, Labels, Matching, Report, Run};
use crate::ingest::{Arrivals, Line, Source};
use crate::pipeline::{Intake, Outcome, Pipeline, Running};
use crate::scoring::Patience;
use crate::time::Millis;

/// The arguments of `lapwing backtest`.
#[derive(Debug, Args)]
#[command(after_help = "Labels are an incidents.json of fleetgen, or CSV: \
                        system_id,detection_type,begin,end, where the system * is all of them. A report written \
                        with --report can be compared with by --against.")]
pub(super) struct Backtest {
    /// The file of samples, one JSON object a line; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What really happened: JSON or, by its name, CSV
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,
    /// When each line arrived: CSV `line,arrival_ms`; the host's clock follows it
    #[arg(long, value_name = "FILE")]
    arrivals: Option<PathBuf>,
    /// Write the report here as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Tell how this run (B) differs from this report of an earlier one (A)
    #[arg(long, value_name = "REPORT")]
    against: Option<PathBuf>,
    /// How long after an incident a detection is still about it, seconds
    #[arg(long, value_name = "S", default_value_t = 120.0)]
    grace_s: f64,
    /// How long after a pause of the monitor a detection is still its consequence, seconds
    #[arg(long, value_name = "S", default_value_t = 30.0)]
    pause_margin_s: f64,
    #[command(flatten)]
    setup: Setup,
}

/// What came of the samples so far.
#[derive(Default)]
struct Seen {
    findings: Findings,
    /// The clock after the first round and after the last.
    clock: Option<(Millis, Millis)>,
}

impl Backtest {
    pub(super) fn run(&self) -> Result<Exit> {
        // Everything that may be wrong is read before anything is judged: a wrong name should not cost an
        // hour.
        let matching = Matching::new(self.grace_s, self.pause_margin_s)?;
        let labels = labels(&self.labels)?;
        let before: Option<Report> = self.against.as_deref().map(report).transpose()?;
        let mut source =
            Source::open(&self.file).with_context(|| format!("{} cannot be opened", self.file.display()))?;
        let mut arrivals = self.arrivals.as_deref().map(Arrivals::open).transpose()?;
        let (catalog, refused) = self.setup.catalog(self.setup.config()?)?;
        let catalog = Arc::new(catalog);
        let mut intake = Intake::new(Arc::clone(&catalog));
        let mut pipeline = Pipeline::start(&catalog, Running::forgetful(Patience::Wait, false))?;

        let mut seen = Seen::default();
        let mut refused_rows = 0_u64;
        loop {
            let number = source.line_number() + 1;
            let Some(line) = source.next_line()? else { break };
            let is_taken = match line {
                Line::TooLong => false,
                Line::Bytes(bytes) => {
                    let arrival = arrivals.as_mut().map(|arrivals| arrivals.of_line(number)).transpose()?;
                    intake.line(bytes, arrival).is_ok()
                }
            };
            refused_rows += u64::from(!is_taken);
            if intake.rows() >= intake.batch_rows() {
                submit(&mut intake, &mut pipeline, &mut seen)?;
            }
        }
        submit(&mut intake, &mut pipeline, &mut seen)?;
        pipeline.drain()?.iter().for_each(|outcome| seen.take(outcome));
        let end = pipeline.end()?;
        end.ongoing.iter().for_each(|event| seen.findings.add(Finding::from(&event.detection)));

        let (begin, until) = seen.clock.unwrap_or_default();
        let systems = end.shards.iter().map(|shard| shard.systems as u64).sum();
        let extent = labels.extent().unwrap_or(Extent { systems, begin, end: until });
        let rules =
            catalog.rules.iter().map(|rule| (rule.rule_id.to_string(), rule.detection_type)).collect();
        let report = Report::of(&labels, seen.findings.into_vec(), &Run { rules, extent, matching });
        if let Some(file) = &self.report {
            let json = serde_json::to_string(&report)?;
            std::fs::write(file, json + "\n")
                .with_context(|| format!("{} cannot be written", file.display()))?;
        }
        match before {
            Some(before) => print!("{}", Difference::between(&before, &report)?.text()),
            None => print!("{}", report.text()),
        }
        if refused_rows > 0 {
            eprintln!("{refused_rows} rows were refused; `lapwing replay` tells why");
        }
        let is_unjudged = end
            .shards
            .iter()
            .flat_map(|shard| &shard.rule_costs)
            .any(|cost| cost.quarantine.is_some() || cost.unjudged_rows > 0);
        Ok(if refused.is_empty() && !is_unjudged { Exit::Done } else { Exit::Incomplete })
    }
}

impl Seen {
    fn take(&mut self, outcome: &Outcome) {
        for event in &outcome.events {
            self.findings.add(Finding::from(&event.detection));
        }
        let now = outcome.clock();
        let (begin, _) = *self.clock.get_or_insert((now, now));
        self.clock = Some((begin, now));
    }
}

impl From<&Detection> for Finding {
    fn from(detection: &Detection) -> Self {
        Self {
            detection_id: detection.detection_id,
            rule_id: detection.rule_id.clone(),
            detection_type: detection.detection_type,
            systems: BTreeSet::from([detection.system_id.clone()]),
            opened: detection.timestamp,
            resolved: detection.resolved_at,
        }
    }
}

fn submit(intake: &mut Intake, pipeline: &mut Pipeline, seen: &mut Seen) -> Result<()> {
    let (round, trainings) = intake.finish_round();
    pipeline.submit(round, trainings)?.iter().for_each(|outcome| seen.take(outcome));
    Ok(())
}

fn labels(file: &Path) -> Result<Labels> {
    let text = read(file)?;
    let is_csv = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let labels = if is_csv { Labels::from_csv(&text) } else { Labels::from_json(&text) };
    labels.with_context(|| format!("{} has labels that cannot be used", file.display()))
}

fn report(file: &Path) -> Result<Report> {
    serde_json::from_str(&read(file)?).with_context(|| format!("{} is not a report", file.display()))
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}
