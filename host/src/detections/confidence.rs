//! How sure a detection is.

use crate::model::Severity;

/// 0.5 × the severity's, 0.3 × the share of the last ten rows that matched, 0.2 × the anomaly score, within 0..=1.
///
/// `anomaly` is NaN while no scorer can say; its part is then left out, which only lowers the confidence.
#[must_use]
pub fn confidence(severity: Severity, matched_share: f64, anomaly: f64) -> f64 {
    let anomaly = if anomaly.is_nan() { 0.0 } else { anomaly };
    (0.5 * severity.confidence() + 0.3 * matched_share + 0.2 * anomaly).clamp(0.0, 1.0)
}
