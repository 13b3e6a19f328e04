//! The health sample that the demo sends each second, and how healthy the probes say that the machine is.

use serde::Serialize;

use super::machine::Reading;
use super::probe::Probed;
use crate::time::Millis;

/// A mean response time from which the service counts as degraded: several times what it usually takes.
const DEGRADED_RESPONSE_MS: f64 = 100.0;
/// A share of failed probes from which it counts as unhealthy.
const UNHEALTHY_ERROR_RATE: f64 = 0.5;

/// How the probes found the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Health {
    Healthy,
    Degraded,
    Unhealthy,
    /// No probe has said anything yet.
    Unknown,
}

impl Health {
    /// Most probes fail: unhealthy. Some fail, or they take long: degraded.
    fn of(probed: &Probed) -> Self {
        match (probed.error_rate, probed.response_time_ms) {
            (None, None) => Self::Unknown,
            (Some(rate), _) if rate >= UNHEALTHY_ERROR_RATE => Self::Unhealthy,
            (Some(rate), _) if rate > 0.0 => Self::Degraded,
            (_, Some(ms)) if ms >= DEGRADED_RESPONSE_MS => Self::Degraded,
            _ => Self::Healthy,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
            Self::Unknown => "unknown",
        }
    }
}

/// A sample as it goes over the wire.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Sample {
    system_id: String,
    system_type: &'static str,
    #[serde(rename = "timestamp")]
    pub(super) time: Millis,
    #[serde(rename = "health_status")]
    pub(super) health: Health,
    #[serde(flatten)]
    pub(super) metrics: Metrics,
    custom_metrics: CustomMetrics,
}

/// The built-in metrics.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Metrics {
    pub(super) response_time_ms: Option<f64>,
    pub(super) cpu_usage_percent: Option<f64>,
    pub(super) memory_usage_percent: Option<f64>,
    pub(super) disk_usage_percent: Option<f64>,
    pub(super) network_latency_ms: Option<f64>,
    pub(super) error_rate: Option<f64>,
    pub(super) throughput: f64,
    pub(super) active_connections: usize,
    pub(super) queue_depth: usize,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct CustomMetrics {
    network_received_bytes_per_s: Option<f64>,
    network_sent_bytes_per_s: Option<f64>,
    load_1m: f64,
    uptime_s: f64,
}

impl Sample {
    /// Puts together what was read and probed; `serving` is how many requests the service is busy with.
    pub(super) fn new(
        system_id: &str,
        time: Millis,
        reading: &Reading,
        probed: &Probed,
        serving: usize,
    ) -> Self {
        Self {
            system_id: system_id.to_owned(),
            system_type: "host",
            time,
            health: Health::of(probed),
            metrics: Metrics {
                response_time_ms: probed.response_time_ms,
                cpu_usage_percent: reading.cpu_usage_percent,
                memory_usage_percent: reading.memory_usage_percent,
                disk_usage_percent: reading.disk_usage_percent,
                network_latency_ms: probed.network_latency_ms,
                error_rate: probed.error_rate,
                throughput: probed.throughput,
                active_connections: probed.active_connections,
                queue_depth: probed.active_connections.saturating_sub(serving),
            },
            custom_metrics: CustomMetrics {
                network_received_bytes_per_s: reading.received_bytes_per_s,
                network_sent_bytes_per_s: reading.sent_bytes_per_s,
                load_1m: reading.load_1m,
                uptime_s: reading.uptime_s,
            },
        }
    }

    /// Bytes over the network in a second, in and out.
    pub(super) fn network_bytes_per_s(&self) -> Option<f64> {
        let CustomMetrics { network_received_bytes_per_s: received, network_sent_bytes_per_s: sent, .. } =
            self.custom_metrics;
        Some(received? + sent?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(error_rate: Option<f64>, response_time_ms: Option<f64>) -> Health {
        Health::of(&Probed { error_rate, response_time_ms, ..Probed::default() })
    }

    #[test]
    fn health_follows_failures_first_and_slowness_second() {
        assert_eq!(health(None, None), Health::Unknown);
        assert_eq!(health(Some(0.0), Some(21.0)), Health::Healthy);
        assert_eq!(health(Some(0.0), Some(100.0)), Health::Degraded);
        assert_eq!(health(Some(0.1), Some(21.0)), Health::Degraded);
        assert_eq!(health(Some(0.5), Some(21.0)), Health::Unhealthy);
        assert_eq!(health(None, Some(6000.0)), Health::Degraded, "slow, but nothing is known to have failed");
    }

    #[test]
    fn the_wire_form_is_one_that_lapwing_takes() {
        let reading = Reading { cpu_usage_percent: Some(12.5), ..Reading::default() };
        let probed = Probed { active_connections: 3, ..Probed::default() };
        let json = serde_json::to_vec(&Sample::new("here", Millis(0), &reading, &probed, 1)).unwrap();
        let names = |names| crate::model::SharedNames::new(names);
        let mut decoder = crate::ingest::Decoder::new(
            names(crate::model::Names::of_metrics()),
            names(crate::model::Names::new(1)),
            crate::model::IdHasher::default(),
        );
        let mut batch = crate::ingest::SampleBatch::default();
        decoder.decode(&json, &mut batch).unwrap();
        let values: Vec<f64> = batch.sample(0).values().iter().take(4).map(|&(_, value)| value).collect();
        assert_eq!(values, [12.5, 0.0, 3.0, 2.0], "what is missing is not there");
    }
}
