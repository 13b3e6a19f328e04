//! `lapwing demo`: watches the machine that it runs on, through the same road as every other sample.

mod board;
mod fault;
mod findings;
mod live;
mod log;
mod machine;
mod plain;
mod probe;
mod sample;
mod service;
mod view;
mod words;

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;

use self::board::Board;
use self::fault::{Appointment, Fault, Injector};
use self::live::Live;
use self::machine::Machine;
use self::plain::{Plain, farewell};
use self::probe::Prober;
use self::sample::Sample;
use self::service::Service;
use super::{Exit, Setup};
use crate::catalog::Catalog;
use crate::detections::Event;
use crate::pipeline::{Intake, Pipeline, Running};
use crate::scoring::Patience;
use crate::time::Millis;

pub(super) use self::log::LogWriter;

/// How often the host's clock moves on: a silence of four seconds is not to be told after five.
const BEAT: Duration = Duration::from_millis(250);

/// The arguments of `lapwing demo`.
#[derive(Debug, Args)]
#[command(
    after_help = "Takes one sample a second of this machine, and of a small TCP service that the demo \
                  runs and probes on 127.0.0.1. Nothing leaves the machine. Silence is noticed once the \
                  usual interval is known, after four samples; the scorers learn from the first 100.\n\
                  In the live view c, s, e and d inject faults, and q ends it."
)]
pub(super) struct Demo {
    /// Print lines instead of the live view; so it is anyway when standard output is not a terminal
    #[arg(long)]
    plain: bool,
    /// End after so many seconds [default: when told to]
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Inject this fault without a key being pressed
    #[arg(long, value_enum)]
    fault: Option<Fault>,
    /// When --fault begins, in seconds from the start
    #[arg(long, value_name = "S", default_value_t = 5, requires = "fault")]
    fault_after: u32,
    /// How long --fault lasts, in seconds
    #[arg(long, value_name = "S", default_value_t = 15, requires = "fault")]
    fault_for: u32,
    #[command(flatten)]
    setup: Setup,
}

/// Where the demo is shown.
trait Display {
    /// Shows the state, and what has just happened.
    fn show(&mut self, board: &Board, events: &[Event]) -> Result<()>;

    /// Waits for a wish of the user's, but not past `until`.
    fn wish(&mut self, until: Instant) -> Result<Option<Wish>>;
}

/// What a user may want.
enum Wish {
    Toggle(Fault),
    /// The display is to be drawn anew.
    Redraw,
    Quit,
}

/// The machine under watch. What is declared first ends first: the prober waits for its threads, which end
/// once the service has.
struct Watch {
    board: Board,
    intake: Intake,
    pipeline: Pipeline,
    machine: Machine,
    injector: Injector,
    service: Service,
    prober: Prober,
}

impl Demo {
    pub(super) fn run(&self) -> Result<Exit> {
        let (catalog, refused) = self.setup.catalog(self.setup.config()?)?;
        let mut watch = Watch::start(Arc::new(catalog))?;
        {
            let mut display = self.display()?;
            self.follow(&mut watch, &mut *display)?;
        }
        write!(io::stdout(), "{}", farewell(&watch.board))?;
        watch.pipeline.end()?;
        Ok(if refused.is_empty() { Exit::Done } else { Exit::Incomplete })
    }

    fn display(&self) -> Result<Box<dyn Display>> {
        if self.plain || !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            return Ok(Box::<Plain>::default());
        }
        Ok(Box::new(Live::open().context("the live view cannot be opened; --plain does without it")?))
    }

    fn appointment(&self) -> Option<Appointment> {
        let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
        let from = seconds(self.fault_after);
        Some(Appointment { fault: self.fault?, from, until: from + seconds(self.fault_for) })
    }

    /// Watches, beat by beat, until the time is over or the user has seen enough.
    fn follow(&self, watch: &mut Watch, display: &mut dyn Display) -> Result<()> {
        let appointment = self.appointment();
        let begun = Instant::now();
        let mut before = Duration::ZERO;
        loop {
            let now = begun.elapsed();
            if self.seconds.is_some_and(|seconds| now >= Duration::from_secs(seconds)) {
                return Ok(());
            }
            if let Some((fault, on)) = appointment.and_then(|a| Some((a.fault, a.change(before, now)?))) {
                watch.inject(fault, on)?;
            }
            let events = watch.beat(now)?;
            display.show(&watch.board, &events)?;
            before = now;
            // A beat that came late makes the next one no earlier.
            let next_beat = begun + BEAT * (now.as_millis() / BEAT.as_millis() + 1) as u32;
            while let Some(wish) = display.wish(next_beat)? {
                match wish {
                    Wish::Toggle(fault) => watch.inject(fault, !watch.board.faults.has(fault))?,
                    Wish::Redraw => {}
                    Wish::Quit => return Ok(()),
                }
                display.show(&watch.board, &[])?;
            }
        }
    }
}

impl Watch {
    fn start(catalog: Arc<Catalog>) -> Result<Self> {
        let service = Service::start().context("the demo's service cannot be started on 127.0.0.1")?;
        let prober = Prober::start(&service).context("the demo's service cannot be probed")?;
        let machine = Machine::new();
        Ok(Self {
            board: Board::new(machine.identity(), &catalog),
            pipeline: Pipeline::start(&catalog, Running::forgetful(Patience::GoOn, true))?,
            intake: Intake::new(catalog),
            machine,
            injector: Injector::new(Arc::clone(service.dial())),
            service,
            prober,
        })
    }

    fn inject(&mut self, fault: Fault, on: bool) -> Result<()> {
        let wanted = self.injector.on().with(fault, on);
        self.injector.inject(wanted).context("the fault cannot be injected")?;
        self.board.faults = wanted;
        Ok(())
    }

    /// Takes a sample if a second has passed, moves the host's clock on, and gives back what happened.
    fn beat(&mut self, elapsed: Duration) -> Result<Vec<Event>> {
        if elapsed.as_secs() > self.board.seconds_seen {
            let sample = if self.injector.on().has(Fault::Silence) { None } else { Some(self.send()?) };
            self.board.second(sample);
        }
        self.intake.tick(Millis::now());
        let (round, trainings) = self.intake.finish_round();
        let mut outcomes = self.pipeline.submit(round, trainings)?;
        outcomes.extend(self.pipeline.drain()?);
        for outcome in &outcomes {
            self.board.judged(outcome);
        }
        Ok(outcomes.into_iter().flat_map(|outcome| outcome.events).collect())
    }

    /// Sends a sample, as an agent would.
    fn send(&mut self) -> Result<Sample> {
        let (reading, now) = (self.machine.read(), Millis::now());
        let probed = self.prober.probed(Instant::now());
        let sample =
            Sample::new(&self.board.identity.host_name, now, &reading, &probed, self.service.serving());
        let line = serde_json::to_vec(&sample)?;
        let taken = self.intake.line(&line, Some(now));
        taken.map_err(|refusal| anyhow::anyhow!("the demo's own sample was refused: {refusal}"))?;
        Ok(sample)
    }
}

/// Waits for threads to end. One that panicked has told so on standard error.
fn join(threads: impl Iterator<Item = JoinHandle<()>>) {
    for thread in threads {
        let name = thread.thread().name().unwrap_or_default().to_owned();
        if thread.join().is_err() {
            tracing::error!(name, "a thread of the demo panicked");
        }
    }
}
