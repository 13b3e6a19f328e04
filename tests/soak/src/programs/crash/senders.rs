//! Senders that never give a batch up: the same bytes with the same key until they are acknowledged.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use super::verify::Expected;
use crate::client::Api;
use crate::fleet::Body;
use crate::http::Connection;
use crate::sender::{Taken, lock, post};

/// How long one batch may go unacknowledged.
const PATIENCE: Duration = Duration::from_secs(180);
/// The pause before a batch is sent again.
const PAUSE: Duration = Duration::from_millis(5);
/// The longest that `Retry-After` is obeyed here: the server may be another one by then.
const RETRY_AFTER_MAX_S: f64 = 1.0;

/// The server that is there now, if one is.
#[derive(Clone)]
pub(super) struct Current(Arc<Mutex<Option<Api>>>);

impl Current {
    pub(super) fn new(api: Api) -> Self {
        Self(Arc::new(Mutex::new(Some(api))))
    }

    pub(super) fn set(&self, api: Option<Api>) {
        *lock(&self.0) = api;
    }

    fn get(&self) -> Option<Api> {
        lock(&self.0).clone()
    }
}

/// What came of the batches.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Batches acknowledged.
    pub(super) acknowledged: u64,
    /// Times that a batch was sent again.
    pub(super) repeated: u64,
    /// Acknowledgements of a batch that the server had taken in before.
    pub(super) replayed: u64,
    /// 429s.
    pub(super) full: u64,
    /// Acknowledgements that do not fit what was sent.
    pub(super) wrong: Vec<String>,
}

/// What a sender has in the end: its bodies, and what came of them.
type Share = (Vec<Body>, Sent);

/// Senders under way.
pub(super) struct Senders {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<Share>>>,
}

impl Senders {
    /// Starts to send `rate` samples a second in all; 0: as fast as it goes.
    pub(super) fn start(
        bodies: Vec<Body>,
        connections: usize,
        rate: u64,
        current: &Current,
        expected: &Expected,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let connections = connections.clamp(1, bodies.len().max(1));
        let mut shares: Vec<Vec<Body>> = (0..connections).map(|_| Vec::new()).collect();
        bodies.into_iter().enumerate().for_each(|(number, body)| shares[number % connections].push(body));
        let threads = shares.into_iter().map(|bodies| {
            let sender = Sender {
                current: current.clone(),
                expected: expected.clone(),
                stop: Arc::clone(&stop),
                rate: rate as f64 / connections as f64,
                connection: None,
                answer: Vec::new(),
                sent: Sent::default(),
            };
            std::thread::spawn(move || sender.run(bodies))
        });
        let threads = threads.collect();
        Self { stop, threads }
    }

    /// Whether a sender has given up.
    pub(super) fn has_ended(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Ends when every batch that was sent is acknowledged.
    ///
    /// # Errors
    /// A sender gave up.
    pub(super) fn stop(mut self) -> Result<Share> {
        self.stop.store(true, Ordering::Relaxed);
        let (mut bodies, mut all) = (Vec::new(), Sent::default());
        for thread in self.threads.drain(..) {
            let (share, sent) = thread.join().map_err(|_| anyhow!("a sender panicked"))??;
            bodies.extend(share);
            all.acknowledged += sent.acknowledged;
            all.repeated += sent.repeated;
            all.replayed += sent.replayed;
            all.full += sent.full;
            all.wrong.extend(sent.wrong);
        }
        bodies.sort_by_key(|body| body.first_system);
        Ok((bodies, all))
    }
}

impl Drop for Senders {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Sender {
    current: Current,
    expected: Expected,
    stop: Arc<AtomicBool>,
    /// Samples a second; 0: as fast as it goes.
    rate: f64,
    connection: Option<Connection>,
    answer: Vec<u8>,
    sent: Sent,
}

impl Sender {
    fn run(mut self, mut bodies: Vec<Body>) -> Result<Share> {
        let mut due = Instant::now();
        for turn in (0..bodies.len()).cycle() {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let rows = f64::from(bodies[turn].rows);
            self.acknowledge(&mut bodies[turn])?;
            if self.rate > 0.0 {
                // What a crash held up is not made up for.
                due = due.max(Instant::now() - Duration::from_secs(1))
                    + Duration::from_secs_f64(rows / self.rate);
                sleep(due.saturating_duration_since(Instant::now()));
            }
        }
        Ok((bodies, self.sent))
    }

    /// Sends a batch until it is acknowledged.
    fn acknowledge(&mut self, body: &mut Body) -> Result<()> {
        let (first, rows, sample) = (body.first_system, u64::from(body.rows), body.samples);
        let more =
            format!("content-type: application/x-ndjson\r\nidempotency-key: soak-{first}-{sample}\r\n");
        let began = Instant::now();
        let mut attempts = 0_u64;
        let bytes = body.next()?;
        self.expected.sending(first, sample);
        loop {
            if began.elapsed() > PATIENCE {
                bail!("the batch of system {first} was not acknowledged within {PATIENCE:?}");
            }
            let Some(api) = self.current.get() else {
                sleep(PAUSE);
                continue;
            };
            attempts += 1;
            let head = api.head("POST", "/api/v1/samples", bytes.len(), &more);
            match post(&api, &mut self.connection, head.as_bytes(), bytes, &mut self.answer) {
                Ok(head) if head.status == 200 => break,
                Ok(head) if head.status == 429 => {
                    self.sent.full += 1;
                    let wait_s = head.retry_after_s.unwrap_or(1.0).clamp(0.0, RETRY_AFTER_MAX_S);
                    sleep(Duration::from_secs_f64(wait_s));
                }
                Ok(head) if head.status / 100 == 4 => {
                    let said = String::from_utf8_lossy(&self.answer);
                    bail!("a batch of good rows was answered with {}: {said}", head.status);
                }
                Ok(_) | Err(_) => sleep(PAUSE),
            }
        }
        let taken: Taken = serde_json::from_slice(&self.answer)?;
        if (taken.accepted, taken.refused) != (rows, 0) {
            let Taken { accepted, refused, replayed } = taken;
            self.sent.wrong.push(format!(
                "of {rows} rows from system {first}, sample {sample}, {accepted} accepted, {refused} refused \
                 (attempt {attempts}, replayed {replayed})"
            ));
        }
        if taken.replayed && attempts == 1 {
            self.sent
                .wrong
                .push(format!("sample {sample} of system {first} was sent once and called replayed"));
        }
        self.sent.acknowledged += 1;
        self.sent.repeated += attempts - 1;
        self.sent.replayed += u64::from(taken.replayed);
        body.accepted();
        self.expected.acknowledged(first, body.samples);
        Ok(())
    }
}
