//! How far a metric has moved from its usual level, and since when.

use lapwing_sdk::action::Series;
use lapwing_sdk::features::{is_known, least_spread, quantile};

/// Recent: the last so many known values.
const RECENT: usize = 10;
/// Known values before those that make a baseline.
const BASELINE_MIN: usize = 20;
/// Spreads from the baseline at which a value is beyond it.
const BEYOND: f64 = 3.0;
/// A change has at least so many values beyond the baseline.
const PERSISTING: usize = 2;
/// What makes a median absolute deviation comparable with a standard deviation, for normal noise.
const MAD_SCALE: f64 = 1.4826;

/// A metric and where it went.
#[derive(Clone, Debug)]
pub struct Movement {
    /// Its name.
    pub metric: String,
    /// Time in seconds since the Unix epoch and value of all known samples.
    pub points: Vec<(f64, f64)>,
    /// The usual level: the median of all but the recent values.
    pub baseline: f64,
    /// The usual spread: the median absolute deviation from that, scaled; never 0.
    pub spread: f64,
    /// The median of the recent values, or of those since the change where that is less than ten values ago.
    pub recent: f64,
    /// From baseline to recent, in spreads; its sign is the direction.
    pub shift: f64,
    /// The place in `points` of the first value of the change; none if the metric has not moved.
    pub changed: Option<usize>,
}

impl Movement {
    /// What a series says; nothing if it is too short or too sparse.
    #[must_use]
    pub fn of(series: &Series) -> Option<Self> {
        let points: Vec<(f64, f64)> = series
            .times
            .iter()
            .copied()
            .zip(series.values.iter().copied())
            .filter(|&(time, value)| time.is_finite() && is_known(value))
            .collect();
        let (before, recent) = points.split_at_checked(points.len().checked_sub(RECENT)?)?;
        if before.len() < BASELINE_MIN {
            return None;
        }
        let baseline = median(before.iter().map(|&(_, value)| value));
        let deviation = median(before.iter().map(|&(_, value)| (value - baseline).abs()));
        let spread = (MAD_SCALE * deviation).max(least_spread(baseline));
        let level = median(recent.iter().map(|&(_, value)| value));
        let mut movement = Self {
            metric: series.metric.clone(),
            baseline,
            spread,
            recent: level,
            shift: (level - baseline) / spread,
            changed: None,
            points,
        };
        movement.find_change();
        Some(movement)
    }

    /// Looks for a change that lasts. The detection may have opened after two or three bad samples, so the level is
    /// taken from the change on where that is younger than ten values.
    fn find_change(&mut self) {
        if self.shift.abs() > BEYOND {
            self.changed = self.change(self.shift.signum()).map(|(first, _)| first);
            return;
        }
        let found = [1.0, -1.0].into_iter().find_map(|sign| {
            let (first, last) = self.change(sign)?;
            (last + PERSISTING >= self.points.len()).then_some(first)
        });
        if let Some(first) = found {
            let level = median(self.points[first..].iter().map(|&(_, value)| value));
            let shift = (level - self.baseline) / self.spread;
            if shift.abs() > BEYOND {
                (self.recent, self.shift, self.changed) = (level, shift, Some(first));
            }
        }
    }

    /// The first and the last value of the latest stretch beyond the baseline; single values within do not end it.
    fn change(&self, sign: f64) -> Option<(usize, usize)> {
        let beyond = |&(_, value): &(f64, f64)| sign * (value - self.baseline) > BEYOND * self.spread;
        let last = self.points.iter().rposition(beyond)?;
        let (mut first, mut count, mut within) = (last, 1, 0);
        for place in (0..last).rev() {
            if beyond(&self.points[place]) {
                (first, count, within) = (place, count + 1, 0);
            } else {
                within += 1;
                if within == 2 {
                    break;
                }
            }
        }
        (count >= PERSISTING).then_some((first, last))
    }

    /// When it changed, in seconds since the Unix epoch.
    #[must_use]
    pub fn changed_at(&self) -> Option<f64> {
        self.changed.and_then(|place| self.points.get(place)).map(|&(time, _)| time)
    }

    /// The recent level as a multiple of the baseline; none where that says nothing.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let ratio = self.recent / self.baseline;
        (self.baseline > 0.0 && self.recent >= 0.0 && ratio.is_finite()).then_some(ratio)
    }

    /// The usual seconds between two samples.
    #[must_use]
    pub fn interval_s(&self) -> f64 {
        median(self.points.windows(2).map(|pair| pair[1].0 - pair[0].0)).max(1e-3)
    }

    /// "rose 4.1×", "fell to 0.25×", "rose from 0 to 3".
    #[must_use]
    pub fn in_words(&self) -> String {
        let verb = if self.shift > 0.0 { "rose" } else { "fell" };
        match self.ratio() {
            Some(ratio) if ratio >= 1.5 => format!("{verb} {}×", figure(ratio)),
            Some(ratio) if ratio <= 0.67 => format!("{verb} to {}×", figure(ratio)),
            _ => format!("{verb} from {} to {}", figure(self.baseline), figure(self.recent)),
        }
    }
}

/// A number with two digits that count, or whole if it is 100 or more.
#[must_use]
pub(crate) fn figure(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let decimals = (1 - value.abs().log10().floor() as i32).clamp(0, 6) as usize;
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    quantile(&mut values.collect::<Vec<f64>>(), 0.5)
}

#[cfg(test)]
mod tests {
    use lapwing_sdk::testing::noise;
    use proptest::prelude::*;

    use super::*;

    /// 200 samples, ten seconds apart, of a level with noise, and of another level from a sample on.
    fn stepped(level: f64, then: f64, at: usize) -> Series {
        let value = |row: usize| if row < at { level } else { then } + noise(row, 0);
        Series {
            metric: "m".to_owned(),
            times: (0..200).map(|row| row as f64 * 10.0).collect(),
            values: (0..200).map(value).collect(),
        }
    }

    #[test]
    fn a_step_is_found_where_it_is() {
        for at in [198, 197, 195, 190, 170, 120] {
            for (then, direction) in [(100.0, 1.0), (0.0, -1.0)] {
                let movement = Movement::of(&stepped(50.0, then, at)).unwrap();
                assert_eq!(movement.changed_at(), Some(at as f64 * 10.0), "{at} {then}");
                assert_eq!(movement.shift.signum(), direction);
                assert!((movement.recent - then).abs() < 1.0 && (movement.baseline - 50.0).abs() < 1.0);
            }
        }
    }

    #[test]
    fn what_does_not_last_is_no_change() {
        assert_eq!(Movement::of(&stepped(50.0, 50.0, 0)).unwrap().changed, None);
        let one = Movement::of(&stepped(50.0, 100.0, 199)).unwrap();
        assert_eq!(one.changed, None, "one sample is none");
        let mut past = stepped(50.0, 50.0, 0);
        past.values[150..160].fill(100.0);
        assert_eq!(Movement::of(&past).unwrap().changed, None, "it is over");
    }

    #[test]
    fn single_values_and_gaps_do_not_hide_a_change() {
        let mut series = stepped(50.0, 100.0, 180);
        series.values[185] = 50.0;
        series.values[190] = f64::NAN;
        assert_eq!(Movement::of(&series).unwrap().changed_at(), Some(1800.0));
    }

    #[test]
    fn a_metric_that_never_moved_has_a_spread_all_the_same() {
        let mut series = stepped(0.0, 0.0, 0);
        series.values.fill(0.0);
        assert_eq!(Movement::of(&series).unwrap().shift, 0.0);
        series.values[190..].fill(0.5);
        let movement = Movement::of(&series).unwrap();
        assert_eq!((movement.changed_at(), movement.ratio()), (Some(1900.0), None));
        assert_eq!(movement.in_words(), "rose from 0 to 0.5");
    }

    #[test]
    fn too_little_says_nothing() {
        let mut series = stepped(50.0, 100.0, 20);
        series.values[..171].fill(f64::NAN);
        assert!(Movement::of(&series).is_none());
        assert!(Movement::of(&Series { metric: "m".to_owned(), times: vec![], values: vec![] }).is_none());
    }

    #[test]
    fn figures_have_two_digits_that_count() {
        for (value, text) in [
            (4.12, "4.1"),
            (4.0, "4"),
            (0.248, "0.25"),
            (112.4, "112"),
            (12.6, "13"),
            (0.0, "0"),
            (1e-9, "0"),
            (-1e-9, "0"),
            (1e6, "1000000"),
            (99.96, "100"),
        ] {
            assert_eq!(figure(value), text);
        }
    }

    proptest! {
        #[test]
        fn no_series_is_too_odd(values in prop::collection::vec(prop_oneof![any::<f64>(), -1e3..1e3], 0..80)) {
            let times = (0..values.len()).map(|row| row as f64).collect();
            if let Some(movement) = Movement::of(&Series { metric: "m".to_owned(), times, values }) {
                prop_assert!(movement.spread > 0.0 && !movement.shift.is_nan());
                prop_assert!(movement.changed.is_none() || movement.shift.abs() > BEYOND);
                prop_assert!(!movement.in_words().is_empty());
            }
        }
    }
}
