//! A server in a folder of its own, started, killed and started again.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Answer, Ask, Events};
use crate::harness::{Bench, Ran, healthy, with};

/// What does not come within this does not come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Systems that no longer report during a test are no trouble.
const QUIET: &str = "[[rules]]\nrule_id = \"system_disconnection\"\nenabled = false\n";
/// Between two looks at a condition that is waited for.
const LOOK: Duration = Duration::from_millis(10);

/// A folder with a configuration and a store, and the server on them while it runs.
pub(crate) struct Server {
    pub(crate) bench: Bench,
    /// The first admin's token.
    pub(crate) admin: String,
    pub(crate) agent: ureq::Agent,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    running: Option<Running>,
    log: Arc<Mutex<String>>,
}

struct Running {
    child: Child,
    url: String,
    /// Ends when the process has closed its standard error.
    reader: std::thread::JoinHandle<()>,
}

impl Server {
    /// A server with these further lines in its configuration, serving.
    pub(crate) fn with(config: &str) -> Self {
        let mut server = Self::prepared(config);
        server.start();
        server
    }

    /// One that serves with the defaults.
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// One that has not been started.
    pub(crate) fn prepared(config: &str) -> Self {
        let config_builder = ureq::Agent::config_builder().http_status_as_error(false);
        let mut server = Self {
            bench: Bench::new(),
            admin: String::new(),
            agent: config_builder.build().into(),
            arguments: Vec::new(),
            variables: Vec::new(),
            running: None,
            log: Arc::default(),
        };
        server.configure(config);
        server.arguments =
            ["serve", "--config", "lapwing.toml", "--data-dir", "data"].map(str::to_owned).into();
        server.listen("127.0.0.1:0");
        server.variable("LAPWING_ADMIN_TOKEN_FILE", "admin.token");
        server
    }

    /// Writes the configuration, for the next start or reload. Top-level tables only.
    pub(crate) fn configure(&self, config: &str) {
        self.bench.write("lapwing.toml", format!("{config}\n{QUIET}"));
    }

    /// Serves with these arguments instead.
    pub(crate) fn arguments(&mut self, arguments: &[&str]) {
        self.arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    }

    /// Sets an environment variable of the next start; an empty value takes it away.
    pub(crate) fn variable(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.variables.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The address of the next start, as the configuration has it.
    pub(crate) fn listen(&mut self, address: &str) {
        self.variable("LAPWING__SERVER__LISTEN", address);
    }

    pub(crate) fn start(&mut self) {
        if let Err((code, log)) = self.try_start() {
            panic!("the server ended with {code}: {log}");
        }
    }

    /// Starts it; if it ends instead, its exit code and what it said.
    pub(crate) fn try_start(&mut self) -> Result<(), (i32, String)> {
        assert!(self.running.is_none(), "it runs already");
        let said_before = self.log().len();
        let mut child = Command::new(env!("CARGO_BIN_EXE_lapwing"))
            .args(&self.arguments)
            .current_dir(self.bench.path(""))
            .env("LAPWING_CACHE_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled"))
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (listening, reader) = self.read(child.stderr.take().unwrap());
        let Ok(url) = listening.recv_timeout(3 * PATIENCE) else {
            let code = child.wait().unwrap().code().unwrap_or(-1);
            reader.join().unwrap();
            return Err((code, self.log()[said_before..].to_owned()));
        };
        self.running = Some(Running { child, url, reader });
        if let Ok(token) = std::fs::read_to_string(self.bench.path("admin.token")) {
            self.admin = token.trim().to_owned();
        }
        Ok(())
    }

    /// Keeps what the process says, and tells the address once it serves.
    fn read(&self, stderr: std::process::ChildStderr) -> (Receiver<String>, std::thread::JoinHandle<()>) {
        let (sender, listening) = channel();
        let log = Arc::clone(&self.log);
        let reader = std::thread::spawn(move || {
            let mut sender = Some(sender);
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                log.lock().unwrap().push_str(&format!("{line}\n"));
                if let Some(url) = line.strip_prefix("lapwing: listening on ")
                    && let Some(sender) = sender.take()
                {
                    drop(sender.send(url.to_owned()));
                }
            }
        });
        (listening, reader)
    }

    /// Everything said so far, by all runs.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn url(&self) -> &str {
        &self.running.as_ref().expect("it runs").url
    }

    /// The power goes: no goodbye.
    pub(crate) fn kill(&mut self) {
        let mut running = self.running.take().expect("it runs");
        running.child.kill().unwrap();
        running.child.wait().unwrap();
        running.reader.join().unwrap();
    }

    /// Asks it to end and waits; its exit code.
    pub(crate) fn stop(&mut self) -> i32 {
        self.signal("TERM");
        let mut running = self.running.take().expect("it runs");
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match running.child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    running.child.kill().unwrap();
                    panic!("it does not end");
                }
                None => std::thread::sleep(LOOK),
            }
        };
        running.reader.join().unwrap();
        status.code().unwrap_or(-1)
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.running.as_ref().expect("it runs").child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Ends it in good order and starts it again.
    pub(crate) fn restart(&mut self) {
        assert_eq!(self.stop(), 0, "{}", self.log());
        self.start();
    }

    /// A request of the first admin's.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask {
        let ask = Ask {
            agent: self.agent.clone(),
            method: method.to_owned(),
            url: format!("{}{path}", self.url()),
            headers: Vec::new(),
            body: Vec::new(),
        };
        ask.token(&self.admin)
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        self.ask("GET", path).send().ok()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path).json(body).send()
    }

    /// Hands samples in, all of which must be accepted.
    pub(crate) fn take(&self, samples: &[Value]) -> Value {
        let receipt = self.post("/api/v1/samples", &json!(samples)).ok();
        assert_eq!(receipt["accepted"], samples.len(), "{receipt}");
        receipt
    }

    /// Pushes a component, live.
    pub(crate) fn push(&self, name: &str, component: &[u8], stage: &str) -> Answer {
        self.ask("POST", &format!("/api/v1/plugins/{name}?stage={stage}")).body(component).send()
    }

    pub(crate) fn events(&self, query: &str) -> Events {
        self.ask("GET", &format!("/api/v1/events{query}")).listen()
    }

    /// A token of this role.
    pub(crate) fn token(&self, role: &str) -> String {
        let made = self.post("/api/v1/tokens", &json!({ "name": role, "role": role })).ok();
        made["token"].as_str().unwrap().to_owned()
    }

    /// Runs the command as a client of this server.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Ran {
        self.bench.run(&[arguments, &["--server", self.url(), "--token", &self.admin]].concat())
    }

    /// Waits until there is something, and returns it.
    pub(crate) fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < deadline, "waited in vain: {what}");
            std::thread::sleep(LOOK);
        }
    }

    pub(crate) fn detections(&self, query: &str) -> Vec<Value> {
        let page = self.get(&format!("/api/v1/detections{query}"));
        page["detections"].as_array().unwrap().clone()
    }

    /// The one detection of a system, once it is there.
    pub(crate) fn detection_of(&self, system: &str) -> Value {
        let query = format!("?system_id={system}");
        self.until(&format!("a detection of {system}"), || self.detections(&query).pop())
    }

    /// The samples kept of a system, once there are so many.
    pub(crate) fn history(&self, system: &str, samples: usize) -> Vec<Value> {
        let path = format!("/api/v1/systems/{system}/history?limit=1000");
        self.until(&format!("{samples} samples of {system}"), || {
            let answer = self.ask("GET", &path).send();
            let found = (answer.status == 200).then(|| answer.json()["samples"].as_array().unwrap().clone());
            found.filter(|found| found.len() >= samples)
        })
    }

    /// The value of a line of `/metrics` that begins so.
    pub(crate) fn metric(&self, line: &str) -> f64 {
        let text = self.ask("GET", "/metrics").send().text;
        let found = text.lines().find_map(|found| found.strip_prefix(line));
        found.unwrap_or_else(|| panic!("no {line} in {text}")).trim().parse().unwrap()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.bench.path("data")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
        if std::thread::panicking() {
            eprintln!("--- the server said:\n{}---", self.log());
        }
    }
}

/// The time so many seconds after a moment an hour ago.
pub(crate) fn recent(seconds: u32) -> String {
    static BASE: OnceLock<i64> = OnceLock::new();
    let base = BASE.get_or_init(|| lapwing::time::Millis::now().0 / 1000 * 1000 - 3_600_000);
    lapwing::time::Millis(base + i64::from(seconds) * 1000).to_string()
}

/// A healthy sample.
pub(crate) fn sample(system: &str, seconds: u32) -> Value {
    with(healthy(system, 0.0), json!({ "timestamp": recent(seconds) }))
}

/// A sample of a system whose memory is used up: two of them open a detection.
pub(crate) fn exhausted(system: &str, seconds: u32) -> Value {
    with(sample(system, seconds), json!({ "memory_usage_percent": 95.0 }))
}

/// A sample with a metric of its own.
pub(crate) fn custom(system: &str, seconds: u32, name: &str, value: f64) -> Value {
    with(sample(system, seconds), json!({ "custom_metrics": { name: value } }))
}
