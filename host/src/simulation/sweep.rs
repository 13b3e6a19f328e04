//! A detector swept over its parameter: the same number of settings for each, put where its curve is longest.

use super::baselines::Line;
use super::detector::{Family, Own, Sweep};
use super::measure::{Quality, Tally};
use super::trace::Trace;
use crate::heartbeat::ContractError;

/// A detector that is wrong at more than every tenth beat is none.
pub(super) const MISTAKES_PER_BEAT_MAX: f64 = 0.1;
/// Fewer mistakes on all traces than this are chance.
pub(super) const MISTAKES_MIN: u64 = 40;
/// Settings spread over the whole range before the others are put between them.
const SPREAD: usize = 9;
/// A factor in time counts so many times a factor in mistakes, when it is asked where a curve is longest.
const TIME_WEIGHT: f64 = 4.0;

/// One setting's outcome.
#[derive(Clone, Debug)]
pub struct Point {
    /// What was set.
    pub sweep: Sweep,
    /// To what.
    pub parameter: f64,
    /// What came of it on all traces.
    pub quality: Quality,
    /// Mean seconds of detection and mistakes a week, on each trace.
    pub(super) each: Vec<(f64, f64)>,
}

/// A detector's outcomes.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Whose.
    pub family: Family,
    /// Seconds between beats, as configured.
    pub interval_s: f64,
    /// All settings that were tried, each parameter from the earliest to the latest detection.
    pub points: Vec<Point>,
}

/// Tries `settings` parameters of a detector on traces of one model. What comes before `warm_s` only teaches.
///
/// # Errors
/// A contract that cannot be.
pub(super) fn curve(
    family: Family,
    traces: &[Trace],
    settings: usize,
    warm_s: f64,
) -> Result<Curve, ContractError> {
    let interval_s = traces.first().map_or(1.0, |trace| trace.interval_s);
    let lines: Vec<Option<Vec<Line>>> = traces.iter().map(|trace| family.lines(trace)).collect();
    let sweeps = family.sweeps();
    let tried = |sweep: Sweep, parameter: f64| try_out(traces, &lines, sweep, parameter, warm_s);
    let mut swept: Vec<Vec<Point>> = Vec::new();
    for &sweep in sweeps {
        let (first, last) = sweep.range(interval_s);
        let spread = (settings / sweeps.len()).min(SPREAD);
        let step = (last / first).powf(1.0 / (spread.max(2) - 1) as f64);
        swept.push(
            (0..spread)
                .map(|place| tried(sweep, first * step.powi(place as i32)))
                .collect::<Result<_, _>>()?,
        );
    }
    while swept.iter().map(Vec::len).sum::<usize>() < settings {
        let Some((sweep, place)) = longest(&swept, interval_s) else { break };
        let points = &mut swept[sweep];
        let parameter = (points[place].parameter * points[place + 1].parameter).sqrt();
        points.insert(place + 1, tried(points[place].sweep, parameter)?);
    }
    Ok(Curve { family, interval_s, points: swept.concat() })
}

fn try_out(
    traces: &[Trace],
    lines: &[Option<Vec<Line>>],
    sweep: Sweep,
    parameter: f64,
    warm_s: f64,
) -> Result<Point, ContractError> {
    let (mut all, mut each) = (Tally::new(), Vec::new());
    for (trace, lines) in traces.iter().zip(lines) {
        let mut tally = Tally::new();
        match lines {
            Some(lines) => tally.watch(trace, warm_s, |place| {
                let Line { base_ms, scale_ms } = lines[place];
                trace.fresh[place].arrival_ms as f64 + f64::from(base_ms) + parameter * f64::from(scale_ms)
            }),
            None => {
                let mut own = Own::new(sweep.contract(parameter, trace.interval_s)?);
                tally.watch(trace, warm_s, |place| {
                    let beat = trace.fresh[place];
                    own.beat(beat.arrival_ms, trace.sent_ms[beat.number as usize])
                });
            }
        }
        let quality = tally.quality();
        each.push((quality.detection_mean_s, quality.mistakes_per_week));
        all.add(&tally);
    }
    Ok(Point { sweep, parameter, quality: all.quality(), each })
}

/// The longest piece of a curve within the mistakes that are compared, and not where other settings do better.
fn longest(swept: &[Vec<Point>], interval_s: f64) -> Option<(usize, usize)> {
    let most = MISTAKES_PER_BEAT_MAX * 604_800.0 / interval_s;
    // A rate of which only chance is known is as good as the least that is compared.
    let place = |point: &Point| {
        let mistakes = point.quality.mistakes.max(MISTAKES_MIN / 2) as f64;
        (TIME_WEIGHT * point.quality.detection_mean_s.ln(), mistakes.ln())
    };
    let all: Vec<(f64, f64)> = swept.iter().flatten().map(place).collect();
    let is_beaten = |(time, rate): (f64, f64)| all.iter().any(|other| other.0 < time && other.1 < rate);
    let mut longest = (0.0, None);
    for (sweep, points) in swept.iter().enumerate() {
        for (first, pair) in points.windows(2).enumerate() {
            let (early, late) = (&pair[0].quality, &pair[1].quality);
            let too_many = early.mistakes_per_week.min(late.mistakes_per_week) > most;
            let too_few = early.mistakes.max(late.mistakes) < MISTAKES_MIN;
            let (from, to) = (place(&pair[0]), place(&pair[1]));
            if too_many || too_few || (is_beaten(from) && is_beaten(to)) {
                continue;
            }
            let length = (from.0 - to.0).abs() + (from.1 - to.1).abs();
            if length > longest.0 {
                longest = (length, Some((sweep, first)));
            }
        }
    }
    longest.1
}
