//! Runs the command and reads what it wrote.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

/// 2026-01-05T00:00:00Z, in seconds.
const START_S: i64 = 1_767_571_200;

/// A folder for one test, and the command run in it.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

/// What a run left behind.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs `lapwing` with these arguments in the folder; compiled code is shared by all tests.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, b"")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lapwing"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("LAPWING_CACHE_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let feeder = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().unwrap();
        // A command that ends early does not read everything.
        drop(feeder.join().unwrap());
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Replays samples with further arguments; the run must end well.
    pub(crate) fn replay(&self, samples: &[Value], arguments: &[&str]) -> Vec<Value> {
        self.write("samples.ndjson", ndjson(samples));
        let ran = self.run(&[&["replay", "samples.ndjson"], arguments].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.events()
    }
}

impl Ran {
    /// The detections written to standard output, a line for each change.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// What happened, as `rule event system`, in order.
pub(crate) fn story(events: &[Value]) -> Vec<String> {
    let text = |event: &Value, key: &str| event[key].as_str().unwrap().to_owned();
    events
        .iter()
        .map(|event| {
            format!("{} {} {}", text(event, "rule_id"), text(event, "event"), text(event, "system_id"))
        })
        .collect()
}

pub(crate) fn ndjson(samples: &[Value]) -> String {
    samples.iter().map(|sample| format!("{sample}\n")).collect()
}

/// The time `seconds` after the start, as samples carry it.
pub(crate) fn at(seconds: f64) -> String {
    lapwing::time::Millis(START_S * 1000 + (seconds * 1e3) as i64).to_string()
}

/// The time `seconds` after the start, in Unix milliseconds.
pub(crate) fn ms(seconds: f64) -> i64 {
    START_S * 1000 + (seconds * 1e3) as i64
}

/// A healthy sample of a system.
pub(crate) fn healthy(system: &str, seconds: f64) -> Value {
    json!({
        "system_id": system,
        "system_type": "cmc",
        "timestamp": at(seconds),
        "health_status": "healthy",
        "response_time_ms": 100.0,
        "cpu_usage_percent": 50.0,
        "memory_usage_percent": 60.0,
        "disk_usage_percent": 40.0,
        "network_latency_ms": 10.0,
        "error_rate": 0.01,
        "throughput": 1000.0,
        "active_connections": 50,
        "queue_depth": 5,
    })
}

/// `sample` with some fields replaced; `null` takes one away.
pub(crate) fn with(mut sample: Value, fields: Value) -> Value {
    for (name, value) in fields.as_object().unwrap() {
        if value.is_null() {
            sample.as_object_mut().unwrap().remove(name);
        } else {
            sample[name] = value.clone();
        }
    }
    sample
}

/// The rule that misbehaves as its settings say, as a component.
pub(crate) fn hostile() -> &'static [u8] {
    &guests()[0]
}

/// The rule that the page on writing rules walks through, as a component.
pub(crate) fn example() -> &'static [u8] {
    &guests()[1]
}

fn guests() -> &'static [Vec<u8>] {
    static COMPONENTS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    COMPONENTS.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests");
        let packages = ["lapwing-hostile", "lapwing-example-certificate-expiry"];
        lapwing_componentize::components(&workspace(), &packages, &target).unwrap()
    })
}

/// The folder of the workspace.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
