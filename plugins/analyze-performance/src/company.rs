//! Which other systems moved together with a system.

use lapwing_sdk::action::{Host, Peer};

use crate::movement::Movement;

/// Other systems that are looked at.
const PEERS_MAX: u32 = 50;
/// Samples that are read of each.
const SAMPLES_MAX: u32 = 1000;
/// Intervals before the change that are read of each: enough for a baseline.
const INTERVALS_READ: f64 = 300.0;
/// Changes are at the same time if they are within so many intervals.
const INTERVALS_APART_MAX: f64 = 2.0;
/// Samples before the change that are compared.
const COMPARED_BEFORE: usize = 30;
/// Pairs of samples that a correlation needs.
const PAIRS_MIN: usize = 8;
/// The least correlation of what moves together.
const CORRELATION_MIN: f64 = 0.8;

/// What came of looking at the others.
#[derive(Debug, Default)]
pub struct Company {
    /// How many were looked at.
    pub looked_at: usize,
    /// Those that moved together with the system, the first movers first.
    pub moved: Vec<Companion>,
}

/// A system that moved too.
#[derive(Debug)]
pub struct Companion {
    /// Which.
    pub peer: Peer,
    /// When, in seconds since the Unix epoch.
    pub changed_at: f64,
    /// How alike the two are around the change: 0.8 to 1.
    pub correlation: f64,
}

/// Looks at the other systems of the same type or zone: same metric, same direction, at the same time, and alike.
#[must_use]
pub(crate) fn company(host: &dyn Host, system_id: &str, lead: &Movement) -> Company {
    let mut company = Company::default();
    let Some(changed_at) = lead.changed_at() else { return company };
    let since = changed_at - INTERVALS_READ * lead.interval_s();
    for peer in host.peers(system_id, PEERS_MAX) {
        let Ok(history) = host.history(&peer.system_id, since, SAMPLES_MAX) else { continue };
        company.looked_at += 1;
        let series = history.iter().find(|series| series.metric == lead.metric);
        let Some(other) = series.and_then(Movement::of) else { continue };
        let Some(other_at) = other.changed_at() else { continue };
        let interval = lead.interval_s().max(other.interval_s());
        let correlation = correlation(lead, &other, interval);
        if other.shift.signum() == lead.shift.signum()
            && (other_at - changed_at).abs() <= INTERVALS_APART_MAX * interval
            && correlation >= CORRELATION_MIN
        {
            company.moved.push(Companion { peer, changed_at: other_at, correlation });
        }
    }
    company.moved.sort_by(|a, b| a.changed_at.total_cmp(&b.changed_at));
    company
}

/// Pearson's correlation around the change of `one`: each of its samples with the nearest of the other within an
/// interval. NaN if there are too few.
fn correlation(one: &Movement, other: &Movement, interval: f64) -> f64 {
    let begin = one.changed.unwrap_or(0).saturating_sub(COMPARED_BEFORE);
    let pairs: Vec<(f64, f64)> = one.points[begin..]
        .iter()
        .filter_map(|&(time, value)| Some((value, nearest(&other.points, time, interval)?)))
        .collect();
    if pairs.len() < PAIRS_MIN {
        return f64::NAN;
    }
    let count = pairs.len() as f64;
    let (mean_x, mean_y) = (
        pairs.iter().map(|pair| pair.0).sum::<f64>() / count,
        pairs.iter().map(|pair| pair.1).sum::<f64>() / count,
    );
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        let (x, y) = (x - mean_x, y - mean_y);
        (xx, yy, xy) = (xx + x * x, yy + y * y, xy + x * y);
    }
    xy / (xx.sqrt() * yy.sqrt())
}

fn nearest(points: &[(f64, f64)], time: f64, within: f64) -> Option<f64> {
    let after = points.partition_point(|&(other, _)| other < time);
    let candidates = points[after.saturating_sub(1)..].iter().take(2);
    let (distance, value) =
        candidates.map(|&(other, value)| ((other - time).abs(), value)).min_by(|a, b| a.0.total_cmp(&b.0))?;
    (distance <= within).then_some(value)
}
