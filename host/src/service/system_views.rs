//! What the service tells of systems.

use serde::Serialize;
use utoipa::ToSchema;

use super::views::DetectionLine;
use crate::presence;
use crate::time::Millis;

/// One line of the list of systems.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SystemLine {
    /// Its name.
    pub system_id: String,
    /// What it is.
    pub system_type: String,
    /// What state it is in.
    pub state: presence::State,
    /// As it last said.
    pub health_status: Option<String>,
    /// When its last sign of life arrived.
    #[schema(value_type = String, format = DateTime)]
    pub last_seen: Millis,
    /// Samples kept of it.
    pub samples_kept: usize,
    /// Detections of it that are not over.
    pub active_detections_count: usize,
}

/// What a system's heartbeat is like, what is agreed about it, and whether that is kept. Null: not known yet.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HeartbeatView {
    /// The usual seconds between signs of life.
    pub expected_interval_s: Option<f64>,
    /// The usual deviation of arrivals from their prediction, in seconds.
    pub jitter_s: Option<f64>,
    /// The share of signs of life that are lost, 0 to 1.
    pub loss: Option<f64>,
    /// Seconds since the last one.
    pub silence_s: f64,
    /// The silence from which it counts as gone, in seconds.
    pub silence_limit_s: Option<f64>,
    /// φ: -log10 of the probability that a living system is silent for so long.
    pub suspicion: Option<f64>,
    /// The probability that it is alive, 0 to 1.
    pub alive: Option<f64>,
    /// What is agreed.
    pub contract: ContractView,
    /// `learning`, `kept`, `too_many_false_alarms` (beats are lost or late for longer than agreed) or `too_few_beats` (the
    /// next beat itself often comes later than agreed).
    pub standing: String,
    /// Seconds from its end to its detection, at most, if its last beat was on time.
    pub detects_within_s: Option<f64>,
    /// False alarms a week that are to be expected.
    pub false_alarms_expected_per_week: Option<f64>,
    /// False alarms a week that there were.
    pub false_alarms_seen_per_week: Option<f64>,
}

/// What is agreed about a system's silence.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ContractView {
    /// Seconds between its end and its detection, at most.
    pub detect_within_s: f64,
    /// False alarms a week, at most.
    pub false_alarms_per_week: f64,
}

/// In what states a system was.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PresenceView {
    /// What state it is in.
    pub state: presence::State,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Millis,
    /// When it came to be in which state, newest first.
    pub changes: Vec<StateChange>,
    /// The share of today in which it was up, 0 to 1; blind and announced times apart. Null: there was no other.
    pub availability_today: Option<f64>,
    /// Of today and the seven days before.
    pub availability_week: Option<f64>,
    /// Of today and the thirty days before.
    pub availability_month: Option<f64>,
    /// When it means to be back, if it said goodbye.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub returns_at: Option<Millis>,
    /// Why it is away.
    pub reason: Option<String>,
}

/// When a system came to be in which state.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct StateChange {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Millis,
    /// Which.
    pub state: presence::State,
}

/// A page of systems.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SystemsPage {
    /// By ascending id.
    pub systems: Vec<SystemLine>,
    /// Where the next page begins; null when there is none.
    pub next_cursor: Option<String>,
}

/// One system in numbers. Null: not known.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SystemSummary {
    /// Its name.
    pub system_id: String,
    /// What it is.
    pub system_type: String,
    /// In what states it was.
    pub presence: PresenceView,
    /// What its heartbeat is like.
    pub heartbeat: HeartbeatView,
    /// As it last said.
    pub current_health_status: Option<String>,
    /// Of the newest sample, in milliseconds.
    pub current_response_time_ms: Option<f64>,
    /// Of the newest sample, 0 to 100.
    pub current_cpu_usage_percent: Option<f64>,
    /// Of the newest sample, 0 to 100.
    pub current_memory_usage_percent: Option<f64>,
    /// Of the newest sample, 0 to 100.
    pub current_disk_usage_percent: Option<f64>,
    /// Of the newest sample, 0 to 1.
    pub current_error_rate: Option<f64>,
    /// Over the samples kept, in milliseconds.
    pub average_response_time_ms: Option<f64>,
    /// Over the samples kept, 0 to 100.
    pub average_cpu_usage_percent: Option<f64>,
    /// Over the samples kept, 0 to 100.
    pub average_memory_usage_percent: Option<f64>,
    /// Over the samples kept, 0 to 1.
    pub average_error_rate: Option<f64>,
    /// Detections that are not over.
    pub active_detections_count: usize,
    /// Those.
    pub active_detections: Vec<DetectionLine>,
    /// Samples kept.
    pub data_points_count: usize,
    /// When its last sample arrived.
    #[schema(value_type = String, format = DateTime)]
    pub last_updated: Millis,
}
