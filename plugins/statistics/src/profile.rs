//! The model: mean, standard deviation and quartiles of each metric.

use lapwing_sdk::features::{
    Feature, METRICS_MAX, Metrics, Reader, Writer, is_known, least_spread, quantile, values,
};

use crate::Settings;

const VERSION: u8 = 1;

/// No metric counts for more than so many times its limit, so that one that was nearly constant in training cannot
/// outweigh all others. (On the Server Machine Dataset 3 to 4 did better than 10 or none.)
const EXCESS_MAX: f64 = 4.0;

/// So many rows are judged side by side.
const BLOCK: usize = 64;

/// A model.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    usual: Vec<Usual>,
}

/// The usual values of a metric.
#[derive(Clone, Debug, PartialEq)]
struct Usual {
    column: usize,
    mean: f64,
    /// Never 0: see [`least_spread`].
    std: f64,
    lower_quartile: f64,
    upper_quartile: f64,
}

impl Usual {
    fn learn(mut feature: Feature<'_>) -> Self {
        let (mean, std) = feature.mean_std();
        Self {
            column: feature.column,
            mean,
            std: std.max(least_spread(mean)),
            lower_quartile: quantile(&mut feature.known, 0.25),
            upper_quartile: quantile(&mut feature.known, 0.75),
        }
    }

    /// How far from usual a known value is, 1 at the limit.
    ///
    /// Both tests have to agree, so the lower excess counts. Either alone cries wolf: a metric that rests at one value
    /// most of the time has no interquartile range, and the standard deviation of a skewed one ends within its tail.
    #[inline]
    fn excess(&self, limits: &Limits, value: f64) -> f64 {
        let z = (value - self.mean).abs() * limits.per_z;
        let beyond = greater(self.lower_quartile - value, value - self.upper_quartile);
        lesser(lesser(z, beyond * limits.per_iqr), EXCESS_MAX)
    }
}

/// What turns distances of one metric into excesses.
struct Limits {
    per_z: f64,
    per_iqr: f64,
}

impl Limits {
    fn of(usual: &Usual, settings: &Settings) -> Self {
        let range = usual.upper_quartile - usual.lower_quartile;
        let range = range.max(least_spread(usual.mean));
        Self {
            per_z: 1.0 / (settings.z_score_threshold * usual.std),
            per_iqr: 1.0 / (settings.iqr_multiplier * range),
        }
    }
}

impl Profile {
    /// Learns the usual values of these features.
    pub(crate) fn learn(features: Vec<Feature<'_>>) -> Self {
        Self { usual: features.into_iter().map(Usual::learn).collect() }
    }

    /// How far from usual each row is, 1 at the limit; NaN: less than half of the metrics are known.
    ///
    /// The root mean square of the greatest excesses of the row's metrics. The mean of all would hide a trouble that
    /// shows in a few of many metrics, the maximum makes an event of every lone spike.
    pub(crate) fn excesses(&self, settings: &Settings, columns: &[Vec<f64>], rows: usize) -> Vec<f64> {
        let limits: Vec<Limits> = self.usual.iter().map(|usual| Limits::of(usual, settings)).collect();
        let mut excesses = Vec::with_capacity(rows);
        let mut greatest = vec![[0.0; BLOCK]; settings.top.min(self.usual.len())];
        for start in (0..rows).step_by(BLOCK) {
            greatest.fill([0.0; BLOCK]);
            let mut known = [0.0; BLOCK];
            for (usual, limits) in self.usual.iter().zip(&limits) {
                let block = values(columns, usual.column, rows).get(start..).unwrap_or(&[]);
                let mut excess = [0.0; BLOCK];
                for ((excess, known), &value) in excess.iter_mut().zip(&mut known).zip(block) {
                    *known += if is_known(value) { 1.0 } else { 0.0 };
                    *excess = if is_known(value) { greater(usual.excess(limits, value), 0.0) } else { 0.0 };
                }
                insert(&mut greatest, excess);
            }
            let count = BLOCK.min(rows - start);
            excesses.extend((0..count).map(|row| self.combine(&greatest, known[row], row)));
        }
        excesses
    }

    fn combine(&self, greatest: &[[f64; BLOCK]], known: f64, row: usize) -> f64 {
        if 2.0 * known < self.usual.len() as f64 {
            return f64::NAN;
        }
        let squares: f64 = greatest.iter().map(|rank| rank[row] * rank[row]).sum();
        (squares / known.min(greatest.len() as f64)).sqrt()
    }

    /// The model as bytes.
    pub(crate) fn save(&self, metrics: &Metrics) -> Vec<u8> {
        let mut writer = Writer::new(VERSION);
        writer.count(self.usual.len());
        for usual in &self.usual {
            writer.text(metrics.name(usual.column));
            writer.f64s(&[usual.mean, usual.std, usual.lower_quartile, usual.upper_quartile]);
        }
        writer.finish()
    }

    /// The model that [`save`](Profile::save) wrote.
    pub(crate) fn restore(metrics: &Metrics, bytes: &[u8]) -> Result<Self, String> {
        let mut reader = Reader::new(VERSION, bytes)?;
        let count = reader.count("metrics", 1..=METRICS_MAX)?;
        let usual = (0..count).map(|_| read_usual(metrics, &mut reader)).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { usual })
    }
}

fn read_usual(metrics: &Metrics, reader: &mut Reader<'_>) -> Result<Usual, String> {
    let column = metrics.read_column(reader)?;
    let [mean, std, lower_quartile, upper_quartile] = reader.f64s()?;
    if std <= 0.0 || lower_quartile > upper_quartile {
        return Err(format!("the model's spread of `{}` is negative", metrics.name(column)));
    }
    Ok(Usual { column, mean, std, lower_quartile, upper_quartile })
}

/// Sorts a value into the greatest of each row, which are in descending order; what falls out is forgotten.
fn insert(greatest: &mut [[f64; BLOCK]], mut values: [f64; BLOCK]) {
    for rank in greatest {
        for (held, value) in rank.iter_mut().zip(&mut values) {
            (*held, *value) = (greater(*held, *value), lesser(*held, *value));
        }
    }
}

/// [`f64::max`] without its care for NaN, which keeps it from being one instruction.
#[inline]
fn greater(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

#[inline]
fn lesser(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}
