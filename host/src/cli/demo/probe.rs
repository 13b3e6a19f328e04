//! The prober: asks the demo's service many times a second and keeps what it saw of the last second.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::service::{ANSWER, Conduct, Dial, REQUEST, Service};

/// Probes that may be outstanding at once: more than are served at once, so that a slow service gets a queue.
const PROBERS: usize = 4;
/// How long a prober rests between two probes.
const REST: Duration = Duration::from_millis(100);
/// Probes are counted over so long.
const WINDOW: Duration = Duration::from_secs(1);
/// A probe that is outstanding for so long counts as failed in every second until it ends.
const OVERDUE: Duration = Duration::from_secs(1);
/// How long a prober waits for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long it waits for an answer: the longest that a failing service may take with all probes in its queue.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// Ended probes that are kept; a second has about thirty.
const ENDED_MAX: usize = 256;

/// The prober's threads. They end when the service does; dropping waits for them.
pub(super) struct Prober {
    log: Arc<Mutex<ProbeLog>>,
    threads: Vec<JoinHandle<()>>,
}

/// What the probes of the last second saw. What they did not see is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Probed {
    /// Mean time to connect.
    pub(super) network_latency_ms: Option<f64>,
    /// Mean time until a probe ended, or the age of the oldest outstanding one if that is more.
    pub(super) response_time_ms: Option<f64>,
    /// Share of failed and overdue probes.
    pub(super) error_rate: Option<f64>,
    /// Answered probes per second.
    pub(super) throughput: f64,
    /// Outstanding probes.
    pub(super) active_connections: usize,
}

/// A probe that is over.
#[derive(Clone, Copy, Debug)]
struct Ended {
    at: Instant,
    took: Duration,
    connected: Option<Duration>,
    answered: bool,
}

#[derive(Debug, Default)]
struct ProbeLog {
    /// When each prober's probe began, if one is outstanding.
    begun: [Option<Instant>; PROBERS],
    /// Oldest first.
    ended: VecDeque<Ended>,
}

impl Prober {
    /// Starts probing a service.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(service: &Service) -> io::Result<Self> {
        let mut prober = Self { log: Arc::default(), threads: Vec::with_capacity(PROBERS) };
        for place in 0..PROBERS {
            let (log, dial, address) =
                (Arc::clone(&prober.log), Arc::clone(service.dial()), service.address());
            let work = move || probe_until_end(place, address, &dial, &log);
            prober.threads.push(std::thread::Builder::new().name(format!("prober-{place}")).spawn(work)?);
        }
        Ok(prober)
    }

    /// What the probes of the second before `now` saw.
    pub(super) fn probed(&self, now: Instant) -> Probed {
        lock(&self.log).probed(now)
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        super::join(self.threads.drain(..));
    }
}

impl ProbeLog {
    fn end(&mut self, place: usize, ended: Ended) {
        self.begun[place] = None;
        if self.ended.len() == ENDED_MAX {
            self.ended.pop_front();
        }
        self.ended.push_back(ended);
    }

    fn probed(&self, now: Instant) -> Probed {
        let recent = || self.ended.iter().filter(|probe| now.saturating_duration_since(probe.at) < WINDOW);
        let ages = || self.begun.iter().flatten().map(|&begun| now.saturating_duration_since(begun));
        let answered = recent().filter(|probe| probe.answered).count();
        let overdue = ages().filter(|&age| age >= OVERDUE).count();
        let counted = recent().count() + overdue;
        // With no news, the last probe's time still stands.
        let took = mean_ms(recent().map(|probe| probe.took))
            .or_else(|| self.ended.back().map(|probe| probe.took.as_secs_f64() * 1e3));
        let oldest = ages().max().map(|age| age.as_secs_f64() * 1e3);
        Probed {
            network_latency_ms: mean_ms(recent().filter_map(|probe| probe.connected)),
            response_time_ms: took.map(|took| took.max(oldest.unwrap_or(0.0))).or(oldest),
            error_rate: (counted > 0).then(|| (counted - answered) as f64 / counted as f64),
            throughput: answered as f64 / WINDOW.as_secs_f64(),
            active_connections: ages().count(),
        }
    }
}

fn mean_ms(times: impl Iterator<Item = Duration>) -> Option<f64> {
    let (sum, count) =
        times.fold((0.0, 0_u32), |(sum, count), time| (sum + time.as_secs_f64() * 1e3, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

fn probe_until_end(place: usize, address: SocketAddr, dial: &Dial, log: &Mutex<ProbeLog>) {
    // They take turns rather than all asking at once.
    dial.pause(REST * place as u32 / PROBERS as u32);
    while dial.conduct() != Conduct::Ended {
        let begun = Instant::now();
        lock(log).begun[place] = Some(begun);
        let mut connected = None;
        let answered = probe(address, &mut connected).is_ok();
        let ended = Ended { at: Instant::now(), took: begun.elapsed(), connected, answered };
        lock(log).end(place, ended);
        dial.pause(REST);
    }
}

/// One probe: connects, asks, and waits for the answer.
fn probe(address: SocketAddr, connected: &mut Option<Duration>) -> io::Result<()> {
    let begun = Instant::now();
    let mut service = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?;
    *connected = Some(begun.elapsed());
    service.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    service.write_all(REQUEST)?;
    service.read_exact(&mut [0; ANSWER.len()])
}

fn lock(log: &Mutex<ProbeLog>) -> MutexGuard<'_, ProbeLog> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(at: Instant, took_ms: u64, answered: bool) -> Ended {
        let connected = answered.then_some(Duration::from_millis(1));
        Ended { at, took: Duration::from_millis(took_ms), connected, answered }
    }

    #[test]
    fn before_the_first_probe_nothing_is_known() {
        assert_eq!(ProbeLog::default().probed(Instant::now()), Probed::default());
    }

    #[test]
    fn only_the_last_second_counts() {
        let begin = Instant::now();
        let second = |s| begin + Duration::from_secs(s);
        let mut log = ProbeLog::default();
        log.end(0, ended(second(0), 900, false));
        log.end(1, ended(second(5), 10, true));
        log.end(2, ended(second(5), 30, true));
        let probed = log.probed(second(5));
        assert_eq!(probed.response_time_ms, Some(20.0));
        assert_eq!(probed.network_latency_ms, Some(1.0));
        assert_eq!((probed.error_rate, probed.throughput), (Some(0.0), 2.0));
    }

    #[test]
    fn an_outstanding_probe_shows_before_it_has_ended() {
        let begin = Instant::now();
        let mut log = ProbeLog::default();
        log.end(0, ended(begin, 20, true));
        log.begun[1] = Some(begin);
        let probed = log.probed(begin + Duration::from_secs(7));
        assert_eq!(probed.response_time_ms, Some(7000.0));
        assert_eq!((probed.error_rate, probed.throughput), (Some(1.0), 0.0));
        assert_eq!((probed.network_latency_ms, probed.active_connections), (None, 1));
    }

    #[test]
    fn the_last_time_stands_until_there_is_another() {
        let begin = Instant::now();
        let mut log = ProbeLog::default();
        log.end(0, ended(begin, 6000, false));
        log.begun[0] = Some(begin + Duration::from_secs(2));
        let probed = log.probed(begin + Duration::from_millis(2100));
        assert_eq!((probed.response_time_ms, probed.error_rate), (Some(6000.0), None));
    }
}
