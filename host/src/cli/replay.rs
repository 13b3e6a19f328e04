//! `lapwing replay`: recorded samples to detections.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::report::Report;
use super::{Exit, Setup};
use crate::catalog::Catalog;
use crate::ingest::{Arrivals, Line, Source};
use crate::limits::LINE_BYTES_MAX;
use crate::pipeline::{Intake, Outcome, Pipeline, Running};
use crate::scoring::Patience;

/// Refused rows that are shown one by one; the rest is counted.
const REFUSALS_SHOWN: u64 = 20;

/// The arguments of `lapwing replay`.
#[derive(Debug, Args)]
#[command(
    after_help = "The order of the lines is the order of processing. Without --arrivals the host's clock follows \
                        the samples' own times. The same input gives the same detections, whatever --shards and \
                        --batch-rows are."
)]
pub(super) struct Replay {
    /// Files of samples, one JSON object a line; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write detections here, a line for each change [default: standard output]
    #[arg(long, value_name = "FILE")]
    detections: Option<PathBuf>,
    /// Write the summary here as JSON
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Write anomaly scores here as CSV, a line for each sample
    #[arg(long, value_name = "FILE")]
    scores: Option<PathBuf>,
    /// When each line arrived: CSV `line,arrival_ms`; the host's clock follows it
    #[arg(long, value_name = "FILE")]
    arrivals: Option<PathBuf>,
    /// Threads among which the systems are divided
    #[arg(long, value_name = "N")]
    shards: Option<usize>,
    /// Rows that are judged together
    #[arg(long, value_name = "N")]
    batch_rows: Option<usize>,
    /// Stop at the first row that is refused
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    setup: Setup,
}

/// Where the results go.
struct Sinks {
    detections: Box<dyn Write>,
    scores: Option<csv::Writer<File>>,
    report: Report,
    /// The line being written.
    buffer: Vec<u8>,
}

/// Why reading ended before the end of the input. What was read before is judged and written all the same.
enum Stopped {
    /// A row was refused, and the run is strict.
    Refused,
    /// The input cannot be read on.
    Unreadable(anyhow::Error),
}

impl Replay {
    pub(super) fn run(&self) -> Result<Exit> {
        let mut config = self.setup.config()?;
        config.pipeline.shards = self.shards.unwrap_or(config.pipeline.shards);
        config.pipeline.batch_rows = self.batch_rows.unwrap_or(config.pipeline.batch_rows);
        if let Some(problem) = config.problems().first() {
            anyhow::bail!("{problem}");
        }
        if self.arrivals.is_some() && self.files.len() > 1 {
            anyhow::bail!("--arrivals speaks of the lines of one file, {} are given", self.files.len());
        }
        // Every file is opened before anything is judged: a wrong name should not cost an hour.
        let sources = self.files.iter().map(|file| open(file)).collect::<Result<Vec<_>>>()?;
        let mut arrivals = self.arrivals.as_deref().map(Arrivals::open).transpose()?;
        let (catalog, refused) = self.setup.catalog(config)?;
        let catalog = Arc::new(catalog);
        let mut sinks = self.sinks(&catalog)?;
        let mut intake = Intake::new(Arc::clone(&catalog));
        let mut pipeline =
            Pipeline::start(&catalog, Running::forgetful(Patience::Wait, self.scores.is_some()))?;

        let started = Instant::now();
        let mut stopped = None;
        for mut source in sources {
            stopped =
                self.read(&mut source, arrivals.as_mut(), &mut intake, &mut pipeline, &mut sinks)?.err();
            if stopped.is_some() {
                break;
            }
        }
        submit(&mut intake, &mut pipeline, &mut sinks)?;
        for outcome in pipeline.drain()? {
            sinks.write(&outcome)?;
        }
        let end = pipeline.end()?;
        sinks.finish(&end.ongoing)?;
        let mut report = sinks.report;
        report.clock_ahead = intake.clock_ahead();
        report.finish(&catalog, &end, started.elapsed());
        eprint!("{report}");
        if let Some(file) = &self.summary {
            let json = serde_json::to_string_pretty(&report.json())?;
            std::fs::write(file, json + "\n")
                .with_context(|| format!("{} cannot be written", file.display()))?;
        }
        match stopped {
            Some(Stopped::Unreadable(error)) => Err(error),
            Some(Stopped::Refused) => Ok(Exit::RowRefused),
            None if refused.is_empty() && !report.incomplete() => Ok(Exit::Done),
            None => Ok(Exit::Incomplete),
        }
    }

    fn sinks(&self, catalog: &Catalog) -> Result<Sinks> {
        let detections: Box<dyn Write> = match &self.detections {
            Some(file) => Box::new(BufWriter::new(create(file)?)),
            None => Box::new(BufWriter::new(io::stdout().lock())),
        };
        let scores = match &self.scores {
            Some(file) => {
                let mut writer = csv::Writer::from_writer(create(file)?);
                let scorers = catalog.scorers.iter().map(|scorer| &*scorer.scorer_id);
                writer.write_record(
                    ["system_id", "timestamp"].into_iter().chain(scorers).chain(["combined"]),
                )?;
                Some(writer)
            }
            None => None,
        };
        Ok(Sinks { detections, scores, report: Report::default(), buffer: Vec::new() })
    }

    /// Reads one file to its end.
    fn read(
        &self,
        source: &mut Source,
        mut arrivals: Option<&mut Arrivals>,
        intake: &mut Intake,
        pipeline: &mut Pipeline,
        sinks: &mut Sinks,
    ) -> Result<Result<(), Stopped>> {
        let batch_rows = intake.batch_rows();
        let name = source.name().to_owned();
        let bar = progress(source);
        loop {
            let number = source.line_number() + 1;
            let line = match source.next_line() {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(error) => {
                    let error = anyhow::Error::new(error)
                        .context(format!("{name} cannot be read past line {number}"));
                    return Ok(Err(Stopped::Unreadable(error)));
                }
            };
            let taken = match line {
                Line::TooLong => {
                    Err(format!("found more than {LINE_BYTES_MAX} bytes, expected a shorter line"))
                }
                Line::Bytes(bytes) => {
                    match arrivals.as_mut().map(|arrivals| arrivals.of_line(number)).transpose() {
                        Ok(arrival) => intake.line(bytes, arrival).map_err(|refusal| refusal.to_string()),
                        Err(error) => return Ok(Err(Stopped::Unreadable(error.into()))),
                    }
                }
            };
            sinks.report.lines += 1;
            if let Err(reason) = taken {
                sinks.report.refused_rows += 1;
                if sinks.report.refused_rows <= REFUSALS_SHOWN {
                    bar.suspend(|| eprintln!("{name}:{}: {reason}", source.line_number()));
                } else if sinks.report.refused_rows == REFUSALS_SHOWN + 1 {
                    bar.suspend(|| eprintln!("{name}: further refused rows are only counted"));
                }
                if self.strict {
                    return Ok(Err(Stopped::Refused));
                }
            }
            if intake.rows() >= batch_rows {
                bar.set_position(source.bytes_read());
                submit(intake, pipeline, sinks)?;
            } else if source.is_drained() && intake.rows() > 0 {
                // The next read may wait for the sender, and what has come must not wait with it.
                submit(intake, pipeline, sinks)?;
                for outcome in pipeline.drain()? {
                    sinks.write(&outcome)?;
                }
                sinks.detections.flush()?;
            }
        }
        bar.finish_and_clear();
        Ok(Ok(()))
    }
}

fn submit(intake: &mut Intake, pipeline: &mut Pipeline, sinks: &mut Sinks) -> Result<()> {
    let (round, trainings) = intake.finish_round();
    for outcome in pipeline.submit(round, trainings)? {
        sinks.write(&outcome)?;
    }
    Ok(())
}

impl Sinks {
    fn write(&mut self, outcome: &Outcome) -> Result<()> {
        for event in &outcome.events {
            self.report.tally.count(event);
            self.line(event)?;
        }
        for &(_, change) in &outcome.round.sight.changes {
            self.report.blind.note(change);
        }
        self.report.fates.add(&outcome.fates);
        self.report.tally.advance(outcome.clock());
        if let Some(scores) = &mut self.scores {
            let samples = &outcome.round.samples;
            let columns = outcome.round.catalog.scorers.len() + 1;
            for row in 0..samples.len() {
                let sample = samples.sample(row);
                let of_row = outcome.scores.get(row * columns..(row + 1) * columns);
                let numbers = (0..columns).map(|column| match of_row.map(|scores| scores[column]) {
                    Some(score) if !score.is_nan() => score.to_string(),
                    _ => String::new(),
                });
                let identity = [sample.system_id.to_owned(), sample.time.to_string()];
                scores.write_record(identity.into_iter().chain(numbers))?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, ongoing: &[crate::detections::Event]) -> Result<()> {
        for event in ongoing {
            self.line(event)?;
        }
        self.detections.flush()?;
        if let Some(scores) = &mut self.scores {
            scores.flush()?;
        }
        Ok(())
    }

    fn line(&mut self, event: &crate::detections::Event) -> Result<()> {
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, event)?;
        self.buffer.push(b'\n');
        self.detections.write_all(&self.buffer)?;
        Ok(())
    }
}

fn open(file: &Path) -> Result<Source> {
    Source::open(file).with_context(|| format!("{} cannot be opened", file.display()))
}

fn create(file: &Path) -> Result<File> {
    File::create(file).with_context(|| format!("{} cannot be written", file.display()))
}

/// A bar for a file that takes a while, where somebody is looking.
fn progress(source: &Source) -> ProgressBar {
    const LONG_BYTES: u64 = 16 << 20;
    match source.bytes_total() {
        Some(total) if total > LONG_BYTES && io::stderr().is_terminal() => {
            let style = ProgressStyle::with_template("{bar:40} {percent}% {bytes_per_sec} {eta} left")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = ProgressBar::new(total).with_style(style);
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        }
        _ => ProgressBar::hidden(),
    }
}
