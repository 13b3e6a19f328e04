//! The model: how features are scaled, which patterns there are, and how far from them usual rows lie.

use lapwing_sdk::features::{
    Feature, METRICS_MAX, Metrics, Reader, Writer, evenly_spaced, is_known, least_spread, quantile,
};

use crate::Settings;
use crate::cluster::clusters;

const VERSION: u8 = 1;

/// So many training rows are clustered: the cost grows with their square.
const CLUSTERED_ROWS: usize = 256;
/// Patterns kept of each kind; the smallest are left out.
const PATTERNS_MAX: usize = 8;
/// A cluster with at least this share of the clustered rows is a way to be normal; a smaller one is a recurring anomaly.
const NORMAL_SHARE: f64 = 0.1;
/// The share of the training rows that lie within the limit (a score of 0.5).
const WITHIN_LIMIT: f64 = 0.98;
/// The limit is at least this far beyond the usual distance, in standard deviations: where nearly all rows are alike,
/// every row would be beyond a limit drawn through them.
const LIMIT_MIN: f64 = 0.25;
/// A pattern's own spread counts as at least this share of the whole set's: a dense core must not make its surroundings
/// look far away.
const SPREAD_MIN: f64 = 0.25;

/// A model.
#[derive(Clone, Debug, PartialEq)]
pub struct Patterns {
    scales: Vec<Scale>,
    normal: Vec<Pattern>,
    anomalous: Vec<Pattern>,
    /// How far from the nearest normal pattern a usual row lies.
    usual: f64,
    /// How much further one at the limit does.
    limit: f64,
}

/// How one metric is scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scale {
    column: usize,
    mean: f64,
    std: f64,
}

/// The baseline of one cluster: a value for each feature, scaled.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    features: Vec<Baseline>,
}

/// One feature of a pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Baseline {
    mean: f64,
    std: f64,
    min: f64,
    max: f64,
}

impl Baseline {
    fn of(values: &[f64]) -> Self {
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
        let (min, max) =
            values.iter().fold((mean, mean), |(min, max), &value| (min.min(value), max.max(value)));
        Self { mean, std: variance.sqrt().max(SPREAD_MIN), min, max }
    }

    /// In standard deviations of the pattern; what lies beyond everything that it had counts twice.
    fn deviation(&self, value: f64) -> f64 {
        let beyond = (self.min - value).max(value - self.max).max(0.0);
        ((value - self.mean).abs() + beyond) / self.std
    }
}

impl Pattern {
    fn of(rows: &[Vec<f64>], members: &[usize], width: usize) -> Self {
        let column = |feature: usize| members.iter().map(|&row| rows[row][feature]).collect::<Vec<f64>>();
        Self { features: (0..width).map(|feature| Baseline::of(&column(feature))).collect() }
    }

    /// The root mean square of the deviations of the known features.
    fn distance(&self, scaled: &[f64]) -> f64 {
        let mut squares = 0.0;
        let mut known = 0.0;
        for (baseline, &value) in self.features.iter().zip(scaled) {
            if !value.is_nan() {
                let deviation = baseline.deviation(value);
                squares += deviation * deviation;
                known += 1.0;
            }
        }
        (squares / known).sqrt()
    }
}

impl Patterns {
    /// Finds the patterns of the rows. Where nothing clusters, all rows together are the one normal pattern.
    ///
    /// # Errors
    /// The clustering refuses the rows.
    pub fn train(settings: &Settings, features: &[Feature<'_>], rows: usize) -> Result<Self, String> {
        let scales: Vec<Scale> = features.iter().map(Scale::of).collect();
        let chosen: Vec<Vec<f64>> = evenly_spaced(rows, CLUSTERED_ROWS)
            .map(|row| {
                features
                    .iter()
                    .zip(&scales)
                    .map(|(feature, scale)| scale.apply_or_mean(feature, row))
                    .collect()
            })
            .collect();
        let found = clusters(&chosen, settings.eps, settings.min_samples)?;
        let clustered: usize = found.iter().map(Vec::len).sum();
        let width = features.len();
        let (normal, anomalous): (Vec<_>, Vec<_>) =
            found.iter().partition(|members| members.len() as f64 >= NORMAL_SHARE * clustered as f64);
        let patterns = |clusters: Vec<&Vec<usize>>| -> Vec<Pattern> {
            clusters
                .into_iter()
                .take(PATTERNS_MAX)
                .map(|members| Pattern::of(&chosen, members, width))
                .collect()
        };
        let mut normal = patterns(normal);
        if normal.is_empty() {
            let everything: Vec<usize> = (0..chosen.len()).collect();
            normal.push(Pattern::of(&chosen, &everything, width));
        }
        let mut model = Self { scales, normal, anomalous: patterns(anomalous), usual: 0.0, limit: 1.0 };
        let mut distances: Vec<f64> = chosen.iter().map(|row| nearest(&model.normal, row)).collect();
        model.usual = quantile(&mut distances, 0.5);
        model.limit = (quantile(&mut distances, WITHIN_LIMIT) - model.usual).max(LIMIT_MIN);
        Ok(model)
    }

    /// Writes a row's features into `scaled`, NaN where missing. False: fewer than half of them are known.
    pub fn scaled(&self, columns: &[Vec<f64>], row: usize, scaled: &mut Vec<f64>) -> bool {
        scaled.clear();
        scaled.extend(self.scales.iter().map(|scale| {
            let value =
                columns.get(scale.column).and_then(|column| column.get(row)).copied().unwrap_or(f64::NAN);
            if is_known(value) { scale.apply(value) } else { f64::NAN }
        }));
        2 * scaled.iter().filter(|value| !value.is_nan()).count() >= self.scales.len()
    }

    /// How much further than usual the row lies from the nearest normal pattern, in units of the limit; up to one more
    /// where it lies within the limit of an anomalous one.
    pub fn excess(&self, scaled: &[f64]) -> f64 {
        let from_normal = (nearest(&self.normal, scaled) - self.usual) / self.limit;
        let from_anomalous = (nearest(&self.anomalous, scaled) - self.usual) / self.limit;
        from_normal.max(0.0) + (1.0 - from_anomalous.max(0.0)).max(0.0)
    }

    /// The model as bytes.
    pub fn save(&self, metrics: &Metrics) -> Vec<u8> {
        let mut writer = Writer::new(VERSION);
        writer.count(self.scales.len());
        for scale in &self.scales {
            writer.text(metrics.name(scale.column));
            writer.f64s(&[scale.mean, scale.std]);
        }
        for patterns in [&self.normal, &self.anomalous] {
            writer.count(patterns.len());
            for baseline in patterns.iter().flat_map(|pattern| &pattern.features) {
                writer.f64s(&[baseline.mean, baseline.std, baseline.min, baseline.max]);
            }
        }
        writer.f64s(&[self.usual, self.limit]);
        writer.finish()
    }

    /// The model that [`save`](Patterns::save) wrote.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn restore(metrics: &Metrics, bytes: &[u8]) -> Result<Self, String> {
        let mut reader = Reader::new(VERSION, bytes)?;
        let width = reader.count("metrics", 1..=METRICS_MAX)?;
        let scales = (0..width).map(|_| Scale::read(metrics, &mut reader)).collect::<Result<_, _>>()?;
        let normal_count = reader.count("normal patterns", 1..=PATTERNS_MAX)?;
        let normal =
            (0..normal_count).map(|_| Pattern::read(width, &mut reader)).collect::<Result<_, _>>()?;
        let anomalous_count = reader.count("anomalous patterns", 0..=PATTERNS_MAX)?;
        let anomalous =
            (0..anomalous_count).map(|_| Pattern::read(width, &mut reader)).collect::<Result<_, _>>()?;
        let [usual, limit] = reader.f64s()?;
        if limit < LIMIT_MIN {
            return Err(format!("the model's limit is {limit}, it must be at least {LIMIT_MIN}"));
        }
        reader.finish()?;
        Ok(Self { scales, normal, anomalous, usual, limit })
    }
}

impl Scale {
    fn of(feature: &Feature<'_>) -> Self {
        let (mean, std) = feature.mean_std();
        Self { column: feature.column, mean, std: std.max(least_spread(mean)) }
    }

    fn apply(&self, value: f64) -> f64 {
        (value - self.mean) / self.std
    }

    /// A training row's value; one that is missing lies in the middle, where it says nothing.
    fn apply_or_mean(&self, feature: &Feature<'_>, row: usize) -> f64 {
        let value = feature.values.get(row).copied().unwrap_or(f64::NAN);
        if is_known(value) { self.apply(value) } else { 0.0 }
    }

    fn read(metrics: &Metrics, reader: &mut Reader<'_>) -> Result<Self, String> {
        let column = metrics.read_column(reader)?;
        let [mean, std] = reader.f64s()?;
        if std <= 0.0 {
            return Err(format!("the model's spread of `{}` is not above 0", metrics.name(column)));
        }
        Ok(Self { column, mean, std })
    }
}

impl Pattern {
    fn read(width: usize, reader: &mut Reader<'_>) -> Result<Self, String> {
        let mut features = Vec::with_capacity(width);
        for _ in 0..width {
            let [mean, std, min, max] = reader.f64s()?;
            if std < SPREAD_MIN {
                return Err(format!("a pattern's spread is {std}, it must be at least {SPREAD_MIN}"));
            }
            features.push(Baseline { mean, std, min, max });
        }
        Ok(Self { features })
    }
}

/// The distance to the nearest of some patterns; infinite if there are none.
fn nearest(patterns: &[Pattern], scaled: &[f64]) -> f64 {
    patterns.iter().map(|pattern| pattern.distance(scaled)).fold(f64::INFINITY, f64::min)
}
