//! A fleet of systems, and the bodies that carry their samples: serialised once, patched in place ever after.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Result, bail};

use crate::clock::{STAMP_BYTES, now_ms, rfc3339};
use crate::random::Random;

/// The types of the first users' systems.
const TYPES: [&str; 7] = ["cmc", "hhni", "vif", "apoe", "seg", "sdfcvf", "cas"];
/// Serialised forms of a body, which differ in their noise and take turns.
const VARIANTS: usize = 4;
/// How far ahead of its arrival a time is believed, as [`config`] has it, less a minute.
const AHEAD_MS: i64 = 86_340_000;
/// Characters that the value of a mark has room for.
const MARK_BYTES: usize = 2;

/// What the samples' times are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// The wall clock, at least a millisecond later than the system's sample before.
    Wall,
    /// The n-th sample of every system, counted from 0, is at `start_ms + n * step_ms`. The server must be
    /// configured to believe it ([`config`]).
    Stepped {
        /// Of the first sample, in Unix milliseconds.
        start_ms: i64,
        /// Between two samples.
        step_ms: i64,
    },
}

/// A custom metric that some systems carry, with a value from 0 to 99 of one's choice on each sample.
#[derive(Clone)]
pub(crate) struct Mark {
    /// Its name.
    pub(crate) metric: &'static str,
    /// Every so many systems has it, the first included.
    pub(crate) every: u32,
    /// The value on a system's n-th sample.
    pub(crate) value: Arc<dyn Fn(u64, u32) -> u8 + Send + Sync>,
}

/// What a fleet is like.
#[derive(Clone)]
pub(crate) struct Shape {
    /// How many systems.
    pub(crate) systems: u32,
    /// The most samples in a body; each is of another system.
    pub(crate) batch_rows: u32,
    /// Bodies to make at least, whatever their size: every sender needs one.
    pub(crate) bodies_min: u32,
    /// The samples' times.
    pub(crate) clock: Clock,
    /// The metric that some systems carry.
    pub(crate) mark: Option<Mark>,
    /// Where the noise starts.
    pub(crate) seed: u64,
}

/// The next sample of each of some systems, as NDJSON.
pub(crate) struct Body {
    /// The number of the first of its systems.
    pub(crate) first_system: u32,
    /// How many systems.
    pub(crate) rows: u32,
    /// Samples of each system that have been accepted.
    pub(crate) samples: u64,
    clock: Clock,
    mark: Option<Mark>,
    last_ms: i64,
    variants: Vec<Variant>,
}

struct Variant {
    bytes: Vec<u8>,
    stamps: Vec<usize>,
    marks: Vec<(u32, usize)>,
}

/// The name of a system by its number.
pub(crate) fn system_id(number: u32) -> String {
    format!("{}-{number:06}", TYPES[number as usize % TYPES.len()])
}

/// The type of a system by its number.
pub(crate) fn system_type(number: u32) -> &'static str {
    TYPES[number as usize % TYPES.len()]
}

/// The configuration that believes the times of [`Clock::Stepped`] and does not call a system silent because
/// the load pauses: one that reports ten times a second is gone after 0.4 s by default.
pub(crate) fn config(silence_intervals: u32) -> String {
    format!(
        "[input]\nclock_ahead_s = 86400.0\nfuture_s = 31536000.0\n\n\
         [detections]\nreopen_within_s = 0.0\n\n\
         [[rules]]\nrule_id = \"system_disconnection\"\nthreshold = {silence_intervals}.0\n"
    )
}

/// The bodies of a fleet.
pub(crate) fn bodies(shape: &Shape) -> Vec<Body> {
    let rows = shape.batch_rows.min(shape.systems.div_ceil(shape.bodies_min.max(1))).max(1);
    let mut random = Random::new(shape.seed);
    (0..shape.systems)
        .step_by(rows as usize)
        .map(|first_system| {
            let rows = rows.min(shape.systems - first_system);
            let systems: Vec<System> =
                (0..rows).map(|row| System::new(first_system + row, &mut random)).collect();
            let mark = shape.mark.as_ref();
            let variants = (0..VARIANTS).map(|_| Variant::new(&systems, mark, &mut random)).collect();
            let (clock, mark) = (shape.clock, shape.mark.clone());
            Body { first_system, rows, samples: 0, clock, mark, last_ms: 0, variants }
        })
        .collect()
}

impl Body {
    /// The next sample of each system. The same one again until [`accepted`](Self::accepted), but for its
    /// time by the wall clock.
    ///
    /// # Errors
    /// A stepped clock is so far ahead that the server would not believe it.
    pub(crate) fn next(&mut self) -> Result<&[u8]> {
        let time_ms = match self.clock {
            Clock::Wall => now_ms().max(self.last_ms + 1),
            Clock::Stepped { .. } => self.time_ms(self.samples),
        };
        if time_ms > now_ms() + AHEAD_MS {
            bail!("the samples' times are a day ahead: run for a shorter time, or with more systems");
        }
        self.last_ms = time_ms;
        let turn = (self.samples % VARIANTS as u64) as usize;
        let variant = &mut self.variants[turn];
        let stamp = rfc3339(time_ms);
        for &at in &variant.stamps {
            variant.bytes[at..at + STAMP_BYTES].copy_from_slice(&stamp);
        }
        if let Some(mark) = &self.mark {
            for &(system, at) in &variant.marks {
                let value = (mark.value)(self.samples, system).min(99);
                let tens = if value < 10 { b' ' } else { b'0' + value / 10 };
                variant.bytes[at..at + MARK_BYTES].copy_from_slice(&[tens, b'0' + value % 10]);
            }
        }
        Ok(&variant.bytes)
    }

    /// The samples of the last [`next`](Self::next) were accepted: the next ones are others.
    pub(crate) fn accepted(&mut self) {
        self.samples += 1;
    }

    /// The time of every system's n-th sample, by a stepped clock.
    pub(crate) fn time_ms(&self, sample: u64) -> i64 {
        match self.clock {
            Clock::Wall => self.last_ms,
            Clock::Stepped { start_ms, step_ms } => start_ms + sample as i64 * step_ms,
        }
    }
}

/// What is usual for a system.
struct System {
    number: u32,
    response_time_ms: f64,
    cpu: f64,
    memory: f64,
    disk: f64,
    network_latency_ms: f64,
    throughput: f64,
    connections: f64,
}

impl System {
    fn new(number: u32, random: &mut Random) -> Self {
        Self {
            number,
            response_time_ms: random.between(40.0, 250.0),
            cpu: random.between(15.0, 55.0),
            memory: random.between(30.0, 70.0),
            disk: random.between(20.0, 75.0),
            network_latency_ms: random.between(1.0, 30.0),
            throughput: random.between(100.0, 3000.0),
            connections: random.between(10.0, 400.0),
        }
    }

    /// Writes a healthy sample; returns where its time begins, and the value of its mark if it has one.
    fn write(&self, text: &mut String, mark: Option<&Mark>, random: &mut Random) -> (usize, Option<usize>) {
        let System { number, .. } = *self;
        let (id, kind) = (system_id(number), system_type(number));
        // Writing to a string cannot fail.
        write!(text, "{{\"system_id\":\"{id}\",\"system_type\":\"{kind}\",\"timestamp\":\"").ok();
        let stamp = text.len();
        text.push_str("0000-00-00T00:00:00.000Z");
        let mut share = |spread: f64| 1.0 + spread * random.noise();
        let response_time_ms = self.response_time_ms * share(0.08);
        let cpu = self.cpu * share(0.12);
        let memory = self.memory * share(0.02);
        let disk = self.disk * share(0.002);
        let network_latency_ms = self.network_latency_ms * share(0.1);
        let throughput = self.throughput * share(0.06);
        let connections = (self.connections * share(0.1)).round();
        let error_rate = 0.005 * share(0.3);
        let queue_depth = (6.0 * share(0.3)).round();
        write!(
            text,
            "\",\"health_status\":\"healthy\",\"response_time_ms\":{response_time_ms:.1},\
             \"cpu_usage_percent\":{cpu:.1},\"memory_usage_percent\":{memory:.1},\
             \"disk_usage_percent\":{disk:.1},\"network_latency_ms\":{network_latency_ms:.2},\
             \"error_rate\":{error_rate:.4},\"throughput\":{throughput:.1},\
             \"active_connections\":{connections},\"queue_depth\":{queue_depth}"
        )
        .ok();
        let marked = mark.filter(|mark| number.is_multiple_of(mark.every)).map(|mark| {
            write!(text, ",\"custom_metrics\":{{\"{}\":", mark.metric).ok();
            let at = text.len();
            text.push_str(" 0}");
            at
        });
        text.push_str("}\n");
        (stamp, marked)
    }
}

impl Variant {
    fn new(systems: &[System], mark: Option<&Mark>, random: &mut Random) -> Self {
        let (mut text, mut stamps, mut marks) = (String::new(), Vec::new(), Vec::new());
        for system in systems {
            let (stamp, marked) = system.write(&mut text, mark, random);
            stamps.push(stamp);
            marks.extend(marked.map(|at| (system.number, at)));
        }
        Self { bytes: text.into_bytes(), stamps, marks }
    }
}

/// One sample of a system as a line, for programs that send few.
pub(crate) fn line(system: &str, time_ms: i64, failing: bool) -> String {
    let stamp = rfc3339(time_ms);
    let stamp = String::from_utf8_lossy(&stamp);
    let (health_status, response_time_ms, error_rate) =
        if failing { ("unhealthy", 6000.0, 0.5) } else { ("healthy", 100.0, 0.01) };
    format!(
        "{{\"system_id\":\"{system}\",\"system_type\":\"cmc\",\"timestamp\":\"{stamp}\",\
         \"health_status\":\"{health_status}\",\"response_time_ms\":{response_time_ms},\
         \"cpu_usage_percent\":50,\"memory_usage_percent\":60,\"disk_usage_percent\":40,\
         \"network_latency_ms\":10,\"error_rate\":{error_rate},\"throughput\":1000,\
         \"active_connections\":50,\"queue_depth\":5}}\n"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::clock::parse_ms;

    fn shape(clock: Clock) -> Shape {
        let value = Arc::new(|sample, system| if system == 10 { sample as u8 + 8 } else { 0 });
        let mark = Some(Mark { metric: "value", every: 10, value });
        Shape { systems: 25, batch_rows: 10, bodies_min: 2, clock, mark, seed: 1 }
    }

    fn rows(body: &mut Body) -> Vec<Value> {
        let text = std::str::from_utf8(body.next().unwrap()).unwrap().to_owned();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn every_system_has_one_row_and_all_nine_metrics() {
        let mut all = bodies(&shape(Clock::Wall));
        assert_eq!(all.iter().map(|body| body.rows).collect::<Vec<_>>(), [10, 10, 5]);
        let rows: Vec<Value> = all.iter_mut().flat_map(rows).collect();
        let ids: Vec<_> = rows.iter().map(|row| row["system_id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids, (0..25).map(system_id).collect::<Vec<_>>());
        assert_eq!(rows[0].as_object().unwrap().values().filter(|value| value.is_number()).count(), 9);
        assert_eq!(rows.iter().filter(|row| row["custom_metrics"].is_object()).count(), 3);
    }

    #[test]
    fn a_stepped_clock_goes_on_with_what_is_accepted() {
        let mut body = bodies(&shape(Clock::Stepped { start_ms: 5000, step_ms: 1500 })).remove(1);
        for sample in 0..6 {
            for _retry in 0..2 {
                let row = rows(&mut body).remove(0);
                assert_eq!(parse_ms(row["timestamp"].as_str().unwrap()), Some(5000 + sample * 1500));
                assert_eq!(row["custom_metrics"]["value"], sample + 8);
            }
            body.accepted();
        }
    }

    #[test]
    fn the_wall_clock_never_repeats_itself() {
        let mut body = bodies(&shape(Clock::Wall)).remove(0);
        let mut last = 0;
        for _ in 0..50 {
            let time = parse_ms(rows(&mut body)[9]["timestamp"].as_str().unwrap()).unwrap();
            assert!(time > last);
            last = time;
            body.accepted();
        }
    }
}
