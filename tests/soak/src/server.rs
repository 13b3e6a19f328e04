//! A server of our own: started, watched, asked to end, or killed.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::client::Api;
use crate::proc;

/// The first start compiles every bundled component.
const START_PATIENCE: Duration = Duration::from_secs(300);
/// A server that is asked to end drains first.
const END_PATIENCE: Duration = Duration::from_secs(60);
/// How often a starting server is asked whether it is ready.
const READY_EVERY: Duration = Duration::from_millis(2);
/// What the server writes to standard error when it serves.
const LISTENING: &str = "lapwing: listening on http://";
/// Lines of the log that are shown when a run fails.
const LOG_LINES_SHOWN: usize = 60;

/// What every program starts its server with.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    /// The server's executable.
    pub(crate) lapwing: PathBuf,
    /// Where data, logs, tokens and compiled components lie.
    pub(crate) work: PathBuf,
    /// TOML that is added to every configuration.
    pub(crate) config_extra: String,
    /// Names of metrics that are not found by their words.
    pub(crate) metrics: MetricNames,
}

/// Names of the metrics that the counts are proved with; `None`: the first counter that has the words in its
/// name.
#[derive(Clone, Debug, Default)]
pub(crate) struct MetricNames {
    /// Rows of silence judged beside the samples.
    pub(crate) silence: Option<String>,
    /// Rows accepted.
    pub(crate) accepted: Option<String>,
    /// Rules whose names begin so are left out of the proof.
    pub(crate) skip: Option<&'static str>,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    log: Option<JoinHandle<()>>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The first token.
    pub(crate) token: String,
    /// When the process was started.
    pub(crate) started: Instant,
    /// From then to the first `/readyz` 200.
    pub(crate) ready_after: Duration,
}

impl Bench {
    /// Removes what an earlier run left and writes the configuration. Compiled components stay.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn prepare(&self, config: &str) -> Result<()> {
        let work = self.work.display();
        fs::create_dir_all(&self.work).with_context(|| format!("{work} cannot be made"))?;
        if self.data().exists() {
            fs::remove_dir_all(self.data()).with_context(|| format!("data in {work} cannot be removed"))?;
        }
        for file in [self.token_file(), self.log_file()] {
            if file.exists() {
                fs::remove_file(&file).with_context(|| format!("{} cannot be removed", file.display()))?;
            }
        }
        let config = format!("{config}\n{}", self.config_extra);
        fs::write(self.config_file(), config).with_context(|| format!("{work} cannot be written"))
    }

    /// Starts the server on what is in the folder and waits until it is ready.
    ///
    /// # Errors
    /// It ended, or was not ready in time; the log says why.
    pub(crate) fn start(&self) -> Result<Server> {
        let started = Instant::now();
        let mut child = Command::new(&self.lapwing)
            .arg("serve")
            .arg("--config")
            .arg(self.config_file())
            .arg("--data-dir")
            .arg(self.data())
            .args(["--listen", "127.0.0.1:0"])
            .env("LAPWING_ADMIN_TOKEN_FILE", self.token_file())
            .env("LAPWING_CACHE_DIR", self.cache())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be started", self.lapwing.display()))?;
        let stderr = child.stderr.take().context("the server has no standard error")?;
        let log = OpenOptions::new().create(true).append(true).open(self.log_file());
        let log = log.with_context(|| format!("{} cannot be written", self.log_file().display()))?;
        let (told, addresses) = channel();
        let log = std::thread::spawn(move || keep_log(BufReader::new(stderr), log, |a| told.send(a).is_ok()));
        // From here on the child is killed if anything goes wrong.
        let mut server = Server {
            child,
            log: Some(log),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            token: String::new(),
            started,
            ready_after: Duration::ZERO,
        };
        server.address = server.listening(&addresses, started)?;
        server.token = self.token(started)?;
        let api = server.api();
        while !api.is_ready() {
            if let Some(status) = server.ended()? {
                bail!("the server ended before it was ready: {status}");
            }
            if started.elapsed() > START_PATIENCE {
                bail!("the server was not ready after {START_PATIENCE:?}: GET /readyz is not 200");
            }
            sleep(READY_EVERY);
        }
        server.ready_after = started.elapsed();
        Ok(server)
    }

    /// The last lines of the server's log.
    pub(crate) fn log_tail(&self) -> String {
        let bytes = fs::read(self.log_file()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(64 << 10)..]).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }

    /// Bytes of the server's log.
    pub(crate) fn log_bytes(&self) -> u64 {
        fs::metadata(self.log_file()).map_or(0, |metadata| metadata.len())
    }

    /// The file that the server's standard error goes to.
    pub(crate) fn log_file(&self) -> PathBuf {
        self.work.join("server.log")
    }

    /// Where compiled components are kept.
    pub(crate) fn cache(&self) -> PathBuf {
        self.work.join("compiled")
    }

    fn data(&self) -> PathBuf {
        self.work.join("data")
    }

    fn config_file(&self) -> PathBuf {
        self.work.join("lapwing.toml")
    }

    fn token_file(&self) -> PathBuf {
        self.work.join("admin.token")
    }

    /// The token of the first start, which the file keeps for the later ones.
    fn token(&self, started: Instant) -> Result<String> {
        loop {
            let token = fs::read_to_string(self.token_file()).unwrap_or_default().trim().to_owned();
            if !token.is_empty() {
                return Ok(token);
            }
            if started.elapsed() > START_PATIENCE {
                bail!("the server listens, and has written no token to {}", self.token_file().display());
            }
            sleep(READY_EVERY);
        }
    }
}

impl Server {
    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The server's API with the first token, which may do everything.
    pub(crate) fn api(&self) -> Api {
        Api::new(self.address, self.token.clone())
    }

    /// Its resident memory, in bytes.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn rss_bytes(&self) -> Result<u64> {
        proc::rss_bytes(self.pid())
    }

    /// The processor time that it has used.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        proc::cpu_time(self.pid())
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// The system does not say.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("the server's process cannot be asked for its state")
    }

    /// Kills it on the spot, as a power cut would. It must have been running.
    ///
    /// # Errors
    /// It had ended by itself.
    pub(crate) fn kill(mut self) -> Result<()> {
        if let Some(status) = self.ended()? {
            bail!("the server ended by itself: {status}");
        }
        self.child.kill().context("the server cannot be killed")?;
        self.child.wait().context("the killed server cannot be waited for")?;
        self.join_log();
        Ok(())
    }

    /// Asks it to end (SIGTERM) and waits until it has; how long that took.
    ///
    /// # Errors
    /// It did not end in time, or not with 0.
    pub(crate) fn stop(mut self) -> Result<Duration> {
        let started = Instant::now();
        if let Some(status) = self.ended()? {
            bail!("the server ended by itself: {status}");
        }
        kill(Pid::from_raw(self.pid() as i32), Signal::SIGTERM).context("SIGTERM cannot be sent")?;
        loop {
            if let Some(status) = self.ended()? {
                self.join_log();
                if !status.success() {
                    bail!("the server was asked to end, and ended with {status}");
                }
                return Ok(started.elapsed());
            }
            if started.elapsed() > END_PATIENCE {
                bail!("the server did not end within {END_PATIENCE:?} of SIGTERM");
            }
            sleep(Duration::from_millis(5));
        }
    }

    fn join_log(&mut self) {
        if let Some(log) = self.log.take() {
            log.join().ok();
        }
    }

    fn listening(&mut self, addresses: &Receiver<SocketAddr>, started: Instant) -> Result<SocketAddr> {
        loop {
            match addresses.recv_timeout(Duration::from_millis(50)) {
                Ok(address) => return Ok(address),
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait().context("the server cannot be waited for")?;
                    bail!("the server ended before it listened: {status}");
                }
                Err(RecvTimeoutError::Timeout) if started.elapsed() > START_PATIENCE => {
                    bail!("no line `{LISTENING}ADDR` on standard error within {START_PATIENCE:?}");
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        self.join_log();
    }
}

/// Copies the server's standard error to the log and tells the address in it.
fn keep_log(mut stderr: impl BufRead, mut log: File, tell: impl Fn(SocketAddr) -> bool) {
    let mut line = Vec::new();
    loop {
        line.clear();
        match stderr.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        // A log that cannot be written is no reason to stop the server by a full pipe.
        log.write_all(&line).ok();
        let text = String::from_utf8_lossy(&line);
        if let Some(address) = text.trim().strip_prefix(LISTENING).and_then(|address| address.parse().ok()) {
            tell(address);
        }
    }
}

/// The executable beside this one.
///
/// # Errors
/// There is none.
pub(crate) fn beside_itself() -> Result<PathBuf> {
    let own = std::env::current_exe().context("the path of this executable is not known")?;
    let path = own.parent().unwrap_or_else(|| Path::new(".")).join("lapwing");
    if !path.is_file() {
        bail!("{} does not exist: say where the server is with --lapwing PATH", path.display());
    }
    Ok(path)
}
