//! The load: connections that send the fleet's samples at a pace, and count what the server says.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use serde::Deserialize;

use crate::client::Api;
use crate::fleet::Body;
use crate::http::Connection;
use crate::tally::Tally;

/// How long a batch may take to be accepted.
const PATIENCE: Duration = Duration::from_secs(30);
/// Broken exchanges in a row after which a sender gives up.
const BROKEN_MAX: u32 = 50;
/// The pause after a broken exchange or a 503.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest sleep, so that a sender notices its end.
const NAP: Duration = Duration::from_millis(50);

/// What a sender does when the server says 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenFull {
    /// Waits as long as `Retry-After` says, as a good sender does.
    Obey,
    /// Asks again after a short pause: for measuring what the server takes at most.
    AskAgain(Duration),
}

/// How the load is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Samples a second over all connections; 0: as fast as it goes.
    pub(crate) rate: u64,
    /// Connections; there must be as many bodies.
    pub(crate) connections: usize,
    /// What is done about a 429.
    pub(crate) when_full: WhenFull,
}

/// A load under way.
pub(crate) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Result<Vec<Body>>>>,
    started: Instant,
}

struct Shared {
    stop: AtomicBool,
    tallies: Vec<Mutex<Tally>>,
}

/// The answer to a batch.
#[derive(Debug, Deserialize)]
pub(crate) struct Taken {
    /// Rows that are durable.
    pub(crate) accepted: u64,
    /// Rows that are not.
    pub(crate) refused: u64,
    /// Whether the answer is that of an earlier request with the same key.
    #[serde(default)]
    pub(crate) replayed: bool,
}

impl Load {
    /// Starts to send.
    ///
    /// # Errors
    /// There are fewer bodies than connections.
    pub(crate) fn start(api: &Api, bodies: Vec<Body>, pace: Pace) -> Result<Self> {
        if bodies.len() < pace.connections || pace.connections == 0 {
            bail!("{} connections cannot share {} bodies", pace.connections, bodies.len());
        }
        let tallies = (0..pace.connections).map(|_| Mutex::default()).collect();
        let shared = Arc::new(Shared { stop: AtomicBool::new(false), tallies });
        let mut shares: Vec<Vec<Body>> = (0..pace.connections).map(|_| Vec::new()).collect();
        for (number, body) in bodies.into_iter().enumerate() {
            shares[number % pace.connections].push(body);
        }
        let started = Instant::now();
        let threads = shares.into_iter().enumerate().map(|(number, bodies)| {
            let (api, shared) = (api.clone(), Arc::clone(&shared));
            let sender = Sender { api, shared, number, pace, started, connection: None, answer: Vec::new() };
            std::thread::spawn(move || sender.run(bodies))
        });
        let threads = threads.collect();
        Ok(Self { shared, threads, started })
    }

    /// Seconds since the start.
    pub(crate) fn elapsed_s(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Rows accepted so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.shared.tallies.iter().map(|tally| lock(tally).accepted).sum()
    }

    /// What came of it since the last call, or the start.
    pub(crate) fn take(&self) -> Tally {
        let mut sum = Tally::default();
        self.shared.tallies.iter().for_each(|tally| sum.add(&std::mem::take(&mut *lock(tally))));
        sum
    }

    /// Whether a sender has given up.
    pub(crate) fn has_failed(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Ends the load when the batches under way are answered. Returns the bodies and what
    /// [`take`](Self::take) would.
    ///
    /// # Errors
    /// A sender gave up.
    pub(crate) fn stop(mut self) -> Result<(Vec<Body>, Tally)> {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut bodies = Vec::new();
        for thread in self.threads.drain(..) {
            bodies.extend(thread.join().map_err(|_| anyhow!("a sender panicked"))??);
        }
        bodies.sort_by_key(|body| body.first_system);
        let tally = self.take();
        Ok((bodies, tally))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

struct Sender {
    api: Api,
    shared: Arc<Shared>,
    number: usize,
    pace: Pace,
    started: Instant,
    connection: Option<Connection>,
    answer: Vec<u8>,
}

impl Sender {
    fn run(mut self, mut bodies: Vec<Body>) -> Result<Vec<Body>> {
        let mut batch = 0_u64;
        let mut rows_before = 0_u64;
        while !self.stopped() {
            let share = bodies.len();
            let body = &mut bodies[(batch % share as u64) as usize];
            // Each connection keeps its share of the pace, the first batches spread evenly.
            let due = match self.pace.rate {
                0 => self.started + self.started.elapsed(),
                rate => {
                    let share_of_rate = rate as f64 / self.pace.connections as f64;
                    let spread = f64::from(body.rows) * self.number as f64 / rate as f64;
                    self.started + Duration::from_secs_f64(rows_before as f64 / share_of_rate + spread)
                }
            };
            self.sleep_until(due);
            if !self.send(body, due)? {
                break;
            }
            rows_before += u64::from(body.rows);
            batch += 1;
        }
        Ok(bodies)
    }

    /// Sends a body until it is accepted; false if the load ended before that.
    fn send(&mut self, body: &mut Body, due: Instant) -> Result<bool> {
        let mut broken_in_a_row = 0;
        while !self.stopped() {
            let bytes = body.next()?;
            let head = self.api.head(
                "POST",
                "/api/v1/samples",
                bytes.len(),
                "content-type: application/x-ndjson\r\n",
            );
            let began = Instant::now();
            let reply = post(&self.api, &mut self.connection, head.as_bytes(), bytes, &mut self.answer);
            let mut tally = lock(&self.shared.tallies[self.number]);
            let wait = match reply {
                Ok(head) if head.status == 200 => {
                    let taken: Taken = serde_json::from_slice(&self.answer)?;
                    tally.batches += 1;
                    tally.accepted += taken.accepted;
                    tally.refused += taken.refused;
                    tally.accept.add(began.elapsed());
                    tally.from_schedule.add(due.elapsed());
                    body.accepted();
                    return Ok(true);
                }
                Ok(head) if head.status == 429 => {
                    tally.full += 1;
                    tally.full_without_retry_after += u64::from(head.retry_after_s.is_none());
                    match self.pace.when_full {
                        WhenFull::Obey => Duration::from_secs_f64(head.retry_after_s.unwrap_or(1.0).max(0.0)),
                        WhenFull::AskAgain(pause) => pause,
                    }
                }
                Ok(head) => {
                    *tally.other.entry(head.status).or_default() += 1;
                    if head.status / 100 == 4 {
                        let said = String::from_utf8_lossy(&self.answer);
                        bail!("a batch of good rows was answered with {}: {said}", head.status);
                    }
                    PAUSE
                }
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    tally.unconnected += 1;
                    broken_in_a_row += 1;
                    PAUSE
                }
                Err(error) => {
                    tally.broken += 1;
                    tally.broken_how = Some(error.to_string());
                    broken_in_a_row += 1;
                    PAUSE
                }
            };
            drop(tally);
            if broken_in_a_row > BROKEN_MAX {
                bail!("{broken_in_a_row} exchanges in a row broke: the server is gone");
            }
            self.sleep_until(Instant::now() + wait);
        }
        Ok(false)
    }

    fn stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }

    fn sleep_until(&self, due: Instant) {
        while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            if self.stopped() {
                return;
            }
            sleep(left.min(NAP));
        }
    }
}

/// Sends one request on a kept connection, opened anew if need be.
///
/// # Errors
/// There was no answer; the connection is closed then.
pub(crate) fn post(
    api: &Api,
    connection: &mut Option<Connection>,
    head: &[u8],
    body: &[u8],
    answer: &mut Vec<u8>,
) -> std::io::Result<crate::http::Head> {
    let mut open = match connection.take() {
        Some(open) if open.is_usable() => open,
        _ => Connection::open(api.address(), PATIENCE)?,
    };
    let head = open.exchange(head, body, answer)?;
    *connection = Some(open);
    Ok(head)
}

/// A lock whose holder panicked holds numbers that are still good enough to be shown.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::fake::{Reply, serve};
    use crate::fleet::{Clock, Shape, bodies};

    const FULL: Reply = Reply::Whole(429, "retry-after: 0\r\n", String::new());

    fn fleet() -> Vec<Body> {
        let shape =
            Shape { systems: 40, batch_rows: 10, bodies_min: 2, clock: Clock::Wall, mark: None, seed: 1 };
        bodies(&shape)
    }

    fn pace(rate: u64) -> Pace {
        Pace { rate, connections: 2, when_full: WhenFull::Obey }
    }

    fn taken(body: &[u8]) -> Reply {
        let rows = body.iter().filter(|&&byte| byte == b'\n').count();
        Reply::Whole(200, "", format!(r#"{{"accepted":{rows},"refused":0,"errors":[],"round":1}}"#))
    }

    #[test]
    fn what_is_refused_for_now_is_sent_again_and_counted() {
        let (requests, rows) = (AtomicU64::new(0), Arc::new(AtomicU64::new(0)));
        let taken_rows = Arc::clone(&rows);
        let api = serve(move |request| {
            assert_eq!((&*request.method, &*request.path), ("POST", "/api/v1/samples"));
            assert!(request.headers.contains(&"content-type: application/x-ndjson".to_owned()));
            if requests.fetch_add(1, Ordering::SeqCst) % 3 == 0 {
                return FULL;
            }
            taken_rows.fetch_add(10, Ordering::SeqCst);
            taken(&request.body)
        });
        let load = Load::start(&api, fleet(), pace(2000)).unwrap();
        sleep(Duration::from_millis(500));
        let (fleet, tally) = load.stop().unwrap();
        assert_eq!(tally.accepted, rows.load(Ordering::SeqCst));
        assert!((600..=1200).contains(&tally.accepted), "{} rows of 1000", tally.accepted);
        assert!(tally.full > 0 && tally.full_without_retry_after == 0);
        assert_eq!(fleet.len(), 4);
        tally.clean().unwrap();
    }

    #[test]
    fn a_broken_connection_is_told() {
        let requests = AtomicU64::new(0);
        let api = serve(move |request| match requests.fetch_add(1, Ordering::SeqCst) {
            1 => Reply::Nothing,
            _ => taken(&request.body),
        });
        let load = Load::start(&api, fleet(), pace(1000)).unwrap();
        sleep(Duration::from_millis(400));
        let (_, tally) = load.stop().unwrap();
        assert!(tally.clean().unwrap_err().contains("1 exchanges broke"), "{tally:?}");
        assert!(tally.batches > 2);
    }

    #[test]
    fn good_rows_called_bad_end_the_load() {
        let api = serve(|_| Reply::Whole(400, "", "no-row-accepted".to_owned()));
        let load = Load::start(&api, fleet(), pace(0)).unwrap();
        sleep(Duration::from_millis(200));
        assert!(load.has_failed());
        let error = load.stop().err().unwrap().to_string();
        assert!(error.contains("400: no-row-accepted"), "{error}");
    }
}
