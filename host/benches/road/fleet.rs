//! A fleet that lives a normal life, as NDJSON: the same bytes at every run.

/// The types of the first users.
const TYPES: [&str; 7] = ["cmc", "hhni", "vif", "apoe", "seg", "sdfcvf", "cas"];
/// 2026-01-05T00:00:00Z.
const START_MS: i64 = 1_767_571_200_000;

/// Small and quick, and good enough for noise: xorshift64*.
struct Noise(u64);

impl Noise {
    /// Uniform in 0..1.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Around `mean`, within a tenth of it for the most part.
    fn near(&mut self, mean: f64) -> f64 {
        mean * (1.0 + 0.1 * (self.next() + self.next() - 1.0))
    }
}

/// `rounds` samples of each of `systems` systems, a second apart, all nine metrics.
pub(crate) fn lines(systems: usize, rounds: usize) -> impl Iterator<Item = String> {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    (0..rounds * systems).map(move |number| {
        let (round, system) = (number / systems, number % systems);
        let time = lapwing::time::Millis(START_MS + round as i64 * 1000 + (system % 1000) as i64);
        let kind = TYPES[system % TYPES.len()];
        format!(
            "{{\"system_id\":\"{kind}-{system:05}\",\"system_type\":\"{kind}\",\"timestamp\":\"{time}\",\
             \"health_status\":\"healthy\",\"response_time_ms\":{:.2},\"cpu_usage_percent\":{:.2},\
             \"memory_usage_percent\":{:.2},\"disk_usage_percent\":{:.2},\"network_latency_ms\":{:.3},\
             \"error_rate\":{:.5},\"throughput\":{:.2},\"active_connections\":{:.0},\"queue_depth\":{:.0}}}",
            noise.near(80.0),
            noise.near(40.0),
            noise.near(60.0),
            noise.near(50.0),
            noise.near(5.0),
            noise.near(0.01),
            noise.near(900.0),
            noise.near(50.0),
            noise.near(10.0),
        )
    })
}
