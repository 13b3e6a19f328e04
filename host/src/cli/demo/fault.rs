//! The faults that can be injected, and what they do to the machine, the service and the agent.

use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use clap::ValueEnum;

use super::service::{Conduct, Dial};

/// A fault that can be injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Fault {
    /// Burn every core: resource_exhaustion after two samples
    Cpu,
    /// Send no samples: system_disconnection after four intervals
    Silence,
    /// The probed service hangs and mostly fails: system_disconnection after five seconds
    Errors,
    /// The probed service is slow and the CPU busy: performance_degradation, once its baseline is learned
    Degraded,
}

impl Fault {
    pub(super) const ALL: [Self; 4] = [Self::Cpu, Self::Silence, Self::Errors, Self::Degraded];

    pub(super) fn key(self) -> char {
        match self {
            Self::Cpu => 'c',
            Self::Silence => 's',
            Self::Errors => 'e',
            Self::Degraded => 'd',
        }
    }

    /// What it does, in two words.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Cpu => "burn CPU",
            Self::Silence => "silence",
            Self::Errors => "errors",
            Self::Degraded => "degrade",
        }
    }
}

/// Which faults are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FaultSet([bool; Fault::ALL.len()]);

impl FaultSet {
    pub(super) fn has(self, fault: Fault) -> bool {
        self.0[fault as usize]
    }

    pub(super) fn with(mut self, fault: Fault, on: bool) -> Self {
        self.0[fault as usize] = on;
        self
    }

    fn conduct(self) -> Conduct {
        match (self.has(Fault::Errors), self.has(Fault::Degraded)) {
            (true, _) => Conduct::Failing,
            (false, true) => Conduct::Slow,
            (false, false) => Conduct::Normal,
        }
    }
}

/// Makes faults real. Everything ends when dropped.
pub(super) struct Injector {
    on: FaultSet,
    dial: Arc<Dial>,
    burner: Option<Burner>,
}

impl Injector {
    /// No faults yet.
    pub(super) fn new(dial: Arc<Dial>) -> Self {
        Self { on: FaultSet::default(), dial, burner: None }
    }

    pub(super) fn on(&self) -> FaultSet {
        self.on
    }

    /// Puts the faults of `wanted` in force, and no others.
    ///
    /// # Errors
    /// The system gives no threads to burn.
    pub(super) fn inject(&mut self, wanted: FaultSet) -> io::Result<()> {
        self.dial.set(wanted.conduct());
        let burns = wanted.has(Fault::Cpu) || wanted.has(Fault::Degraded);
        if !burns {
            self.burner = None;
        } else if self.burner.is_none() {
            self.burner = Some(Burner::start()?);
        }
        self.on = wanted;
        Ok(())
    }
}

/// Threads that keep every core busy until dropped.
struct Burner {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Burner {
    fn start() -> io::Result<Self> {
        let cores = std::thread::available_parallelism()?.get();
        let mut burner = Self { stop: Arc::default(), threads: Vec::with_capacity(cores) };
        for number in 0..cores {
            let stop = Arc::clone(&burner.stop);
            burner
                .threads
                .push(std::thread::Builder::new().name(format!("burn-{number}")).spawn(move || burn(&stop))?);
        }
        Ok(burner)
    }
}

impl Drop for Burner {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        super::join(self.threads.drain(..));
    }
}

fn burn(stop: &AtomicBool) {
    let mut number = 1_u64;
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..10_000 {
            number = black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
    }
}

/// A fault that comes and goes by the clock, without a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Appointment {
    pub(super) fault: Fault,
    /// Since the demo began.
    pub(super) from: Duration,
    pub(super) until: Duration,
}

impl Appointment {
    /// What changes in the stretch of time from `before` until just before `now`: the fault goes on or off.
    pub(super) fn change(&self, before: Duration, now: Duration) -> Option<bool> {
        let passed = |moment: Duration| before <= moment && moment < now;
        if passed(self.until) {
            return Some(false);
        }
        passed(self.from).then_some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_appointment_is_kept_once_at_each_end() {
        let second = Duration::from_secs;
        let appointment = Appointment { fault: Fault::Cpu, from: second(5), until: second(20) };
        assert_eq!(appointment.change(second(4), second(5)), None);
        assert_eq!(appointment.change(second(5), second(6)), Some(true));
        assert_eq!(appointment.change(second(6), second(7)), None);
        assert_eq!(appointment.change(second(19), second(21)), Some(false));
        assert_eq!(appointment.change(second(4), second(21)), Some(false), "a long stretch may have both");
    }

    #[test]
    fn a_failing_service_is_worse_than_a_slow_one() {
        let none = FaultSet::default();
        assert_eq!(none.with(Fault::Cpu, true).conduct(), Conduct::Normal);
        assert_eq!(none.with(Fault::Degraded, true).conduct(), Conduct::Slow);
        assert_eq!(none.with(Fault::Degraded, true).with(Fault::Errors, true).conduct(), Conduct::Failing);
    }
}
