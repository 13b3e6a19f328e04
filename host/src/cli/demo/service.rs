//! The small TCP service that the demo runs for itself, so that there is something to probe and to break.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Requests that are served at once; further ones queue.
const WORKERS: usize = 2;
/// What a client asks.
pub(super) const REQUEST: &[u8; 5] = b"ping\n";
/// What it is answered.
pub(super) const ANSWER: &[u8; 5] = b"pong\n";

/// How long an answer usually takes.
const USUAL: Duration = Duration::from_millis(20);
/// How long it takes when the service is slow: its workers no longer keep up with the probes.
const SLOW: Duration = Duration::from_millis(160);
/// How long it takes when the service fails: longer than the 5 s after which it counts as gone.
const STUCK: Duration = Duration::from_secs(6);
/// When the service fails, one request in so many is answered all the same.
const ANSWERED_OF: usize = 5;
/// How long a client may take to ask.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a worker waits for the system to recover when it gives no connections.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How the service behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conduct {
    Normal,
    /// Every answer takes many times as long.
    Slow,
    /// Most requests get no answer, and all take seconds.
    Failing,
    /// The demo is over: everyone goes home.
    Ended,
}

/// The conduct that is asked for. Whoever waits is woken when it changes.
#[derive(Debug)]
pub(super) struct Dial {
    conduct: Mutex<Conduct>,
    changed: Condvar,
}

impl Dial {
    pub(super) fn conduct(&self) -> Conduct {
        *self.lock()
    }

    pub(super) fn set(&self, conduct: Conduct) {
        *self.lock() = conduct;
        self.changed.notify_all();
    }

    /// Waits, but not past the end of the demo.
    pub(super) fn pause(&self, time: Duration) {
        self.wait_while(time, |now| now != Conduct::Ended);
    }

    /// Waits, but not past a change of this conduct.
    fn hold(&self, conduct: Conduct, time: Duration) {
        self.wait_while(time, |now| now == conduct);
    }

    fn wait_while(&self, time: Duration, mut unchanged: impl FnMut(Conduct) -> bool) {
        let waited = self.changed.wait_timeout_while(self.lock(), time, |now| unchanged(*now));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, Conduct> {
        self.conduct.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The service at work, on a port of its own. Ends when dropped.
pub(super) struct Service {
    address: SocketAddr,
    dial: Arc<Dial>,
    serving: Arc<AtomicUsize>,
    workers: Vec<JoinHandle<()>>,
}

impl Service {
    /// Opens the port and starts the workers.
    ///
    /// # Errors
    /// The system gives no port or no thread.
    pub(super) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let mut service = Self {
            address: listener.local_addr()?,
            dial: Arc::new(Dial { conduct: Mutex::new(Conduct::Normal), changed: Condvar::new() }),
            serving: Arc::default(),
            workers: Vec::with_capacity(WORKERS),
        };
        for number in 0..WORKERS {
            let (listener, dial) = (listener.try_clone()?, Arc::clone(&service.dial));
            let serving = Arc::clone(&service.serving);
            let name = format!("service-{number}");
            let work = move || work(&listener, &dial, &serving);
            service.workers.push(std::thread::Builder::new().name(name).spawn(work)?);
        }
        Ok(service)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn dial(&self) -> &Arc<Dial> {
        &self.dial
    }

    /// Requests that a worker is busy with.
    pub(super) fn serving(&self) -> usize {
        self.serving.load(Ordering::Relaxed)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        const WAKE_TIMEOUT: Duration = Duration::from_millis(500);
        self.dial.set(Conduct::Ended);
        // A worker may be waiting for a connection: it gets one. If that fails, nobody waits for the workers.
        let wake = |_: &JoinHandle<()>| TcpStream::connect_timeout(&self.address, WAKE_TIMEOUT).is_ok();
        if self.workers.iter().all(wake) {
            super::join(self.workers.drain(..));
        }
    }
}

fn work(listener: &TcpListener, dial: &Dial, serving: &AtomicUsize) {
    for request in 0.. {
        let accepted = listener.accept();
        if dial.conduct() == Conduct::Ended {
            return;
        }
        let Ok((client, _)) = accepted else {
            dial.pause(ACCEPT_PAUSE);
            continue;
        };
        serving.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = serve(client, request, dial) {
            tracing::debug!(%error, "a client of the demo's service went away");
        }
        serving.fetch_sub(1, Ordering::Relaxed);
    }
}

fn serve(mut client: TcpStream, request: usize, dial: &Dial) -> io::Result<()> {
    client.set_read_timeout(Some(ASK_TIMEOUT))?;
    client.read_exact(&mut [0; REQUEST.len()])?;
    let conduct = dial.conduct();
    let (takes, answered) = match conduct {
        Conduct::Normal => (USUAL, true),
        Conduct::Slow => (SLOW, true),
        Conduct::Failing => (STUCK, request.is_multiple_of(ANSWERED_OF)),
        Conduct::Ended => (Duration::ZERO, false),
    };
    dial.hold(conduct, takes);
    if answered { client.write_all(ANSWER) } else { Ok(()) }
}
