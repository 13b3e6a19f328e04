//! The vocabulary: what samples, rules and detections are made of. No behaviour of the road lives here.

mod detection_type;
mod names;

pub use detection_type::{DetectionType, Severity, Status};
pub use names::{
    BUILT_IN_METRICS, HEALTH_STATUS, IdHasher, MetricId, Names, NamesFull, SharedNames, TypeId, Vocabulary,
    hash_id,
};
