//! Each detector's best compromises between detection time and mistakes, and who is behind whom.

use super::sweep::{Curve, MISTAKES_MIN, MISTAKES_PER_BEAT_MAX};

/// Rates of mistakes at which two detectors are compared.
const RATES: usize = 64;

/// Rates that differ by less are the same: where time buys next to nothing, it is chance who has a setting there.
const SAME_RATE: f64 = 0.98;

/// How one detector does beside another, over the mistakes that both have points of: ratios of the mean detection times
/// at equal mistakes, of which those above 1 are behind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The largest ratio.
    pub worst: f64,
    /// Two standard errors of it, from trace to trace.
    pub noise: f64,
    /// Mistakes a week there.
    pub worst_per_week: f64,
    /// The largest ratio less its noise: above 1 is behind beyond chance.
    pub surely: f64,
    /// The largest ratio if each detector may take turns with two of its settings.
    pub in_turns: f64,
    /// The geometric mean of the ratios.
    pub usual: f64,
    /// The range that was compared, in mistakes a week.
    pub per_week: (f64, f64),
}

/// Compares over the rates that both have points of. Between two of its points a detector is taken to do what lies between
/// them in the logarithm of the rate; `None` if they have no rates in common.
#[must_use]
pub(super) fn compare(curve: &Curve, other: &Curve) -> Option<Comparison> {
    let most = MISTAKES_PER_BEAT_MAX * 604_800.0 / other.interval_s;
    let (ours, theirs) = (Frontier::of(curve), Frontier::of(other));
    let traces = curve.points.first().map_or(0, |point| point.each.len());
    let each: Vec<(Frontier, Frontier)> =
        (0..traces).map(|trace| (Frontier::on(curve, trace), Frontier::on(other, trace))).collect();
    let (least, most) = (ours.least()?.max(theirs.least()?), ours.most()?.min(theirs.most()?).min(most));
    if least >= most {
        return None;
    }
    let (our_hull, their_hull) = (ours.hull(), theirs.hull());
    let (mut worst, mut surely, mut in_turns, mut sum) = ((0.0, 0.0, 0.0), 0.0_f64, 0.0_f64, 0.0);
    for step in 0..RATES {
        let rate = least * (most / least).powf(step as f64 / (RATES - 1) as f64);
        // The ends may be off by a rounding.
        let rate = rate.clamp(least, most);
        let ratio = ours.between_logarithms(rate)? / theirs.between_logarithms(rate)?;
        let logarithms: Vec<f64> = (each.iter())
            .filter_map(|(our, their)| {
                Some((our.between_logarithms(rate)? / their.between_logarithms(rate)?).ln())
            })
            .collect();
        let noise = 2.0 * ratio * standard_error(&logarithms);
        if ratio > worst.0 {
            worst = (ratio, noise, rate);
        }
        surely = surely.max(if noise.is_nan() { 0.0 } else { ratio - noise });
        in_turns = in_turns.max(our_hull.between(rate)? / their_hull.between(rate)?);
        sum += ratio.ln();
    }
    let (worst, noise, worst_per_week) = worst;
    let usual = (sum / RATES as f64).exp();
    Some(Comparison { worst, noise, worst_per_week, surely, in_turns, usual, per_week: (least, most) })
}

/// Of the mean; NaN for fewer than two.
fn standard_error(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    if values.len() < 2 {
        return f64::NAN;
    }
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (count - 1.0) / count).sqrt()
}

/// Compromises of which none is worse than another in both: detection times rise, mistakes a week fall.
pub(super) struct Frontier(pub(super) Vec<(f64, f64)>);

impl Frontier {
    /// Of all traces, without rates that are chance.
    pub(super) fn of(curve: &Curve) -> Self {
        let points = curve.points.iter().filter(|point| point.quality.mistakes >= MISTAKES_MIN);
        Self::new(points.map(|point| (point.quality.detection_mean_s, point.quality.mistakes_per_week)))
    }

    /// On one trace.
    fn on(curve: &Curve, trace: usize) -> Self {
        let points = curve.points.iter().filter(|point| point.quality.mistakes >= MISTAKES_MIN);
        Self::new(points.filter_map(|point| point.each.get(trace).copied()).filter(|&(_, rate)| rate > 0.0))
    }

    fn new(points: impl Iterator<Item = (f64, f64)>) -> Self {
        let mut points: Vec<(f64, f64)> = points.collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut fewest = f64::INFINITY;
        points.retain(|&(_, rate)| {
            let better = rate < SAME_RATE * fewest;
            if better {
                fewest = rate;
            }
            better
        });
        Self(points)
    }

    fn most(&self) -> Option<f64> {
        self.0.first().map(|point| point.1)
    }

    fn least(&self) -> Option<f64> {
        self.0.last().map(|point| point.1)
    }

    /// What can be had by taking turns: the convex hull.
    fn hull(&self) -> Self {
        let mut hull: Vec<(f64, f64)> = Vec::new();
        for &point in &self.0 {
            while let [.., a, b] = hull[..]
                && (b.1 - a.1) * (point.0 - a.0) >= (point.1 - a.1) * (b.0 - a.0)
            {
                hull.pop();
            }
            hull.push(point);
        }
        Self(hull)
    }

    /// The mean detection time at a rate, which taking turns between two points gives; `None` beyond the points.
    fn between(&self, rate: f64) -> Option<f64> {
        self.interpolated(rate, |rate| rate)
    }

    /// The same in logarithms of the rate.
    fn between_logarithms(&self, rate: f64) -> Option<f64> {
        self.interpolated(rate, f64::ln)
    }

    fn interpolated(&self, rate: f64, scale: impl Fn(f64) -> f64) -> Option<f64> {
        let place = self.0.iter().position(|point| point.1 <= rate)?;
        let (late_s, few) = self.0[place];
        if few == rate {
            return Some(late_s);
        }
        let (early_s, many) = *self.0.get(place.checked_sub(1)?)?;
        let share = (scale(many) - scale(rate)) / (scale(many) - scale(few));
        Some(early_s + share * (late_s - early_s))
    }
}
