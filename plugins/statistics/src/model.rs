//! What is usual for each metric.

use lapwing_sdk::features::{Feature, METRICS_MAX, Metrics, Reader, Writer, least_spread, quantile};

const VERSION: u8 = 1;

/// What is usual for one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usual {
    /// Its place among the scorer's metrics.
    pub column: usize,
    mean: f64,
    std: f64,
    lower_quartile: f64,
    upper_quartile: f64,
    /// The interquartile range, or the standard deviation where that is greater: of a metric that is 0 most of the time,
    /// such as an error rate, the quartiles are one and every error would be beyond any fence.
    range: f64,
}

impl Usual {
    /// What is usual in the rows of a training set.
    pub fn of(mut feature: Feature<'_>) -> Self {
        let (mean, std) = feature.mean_std();
        let std = std.max(least_spread(mean));
        let lower_quartile = quantile(&mut feature.known, 0.25);
        let upper_quartile = quantile(&mut feature.known, 0.75);
        let range = (upper_quartile - lower_quartile).max(std);
        Self { column: feature.column, mean, std, lower_quartile, upper_quartile, range }
    }

    /// How far a value lies from what is usual, 1 being the limit: by z-score or by Tukey's fence, whichever says further.
    pub fn excess(&self, value: f64, z_score_threshold: f64, iqr_multiplier: f64) -> f64 {
        let z = (value - self.mean).abs() / self.std;
        let beyond_quartile = (self.lower_quartile - value).max(value - self.upper_quartile).max(0.0);
        (z / z_score_threshold).max(beyond_quartile / (iqr_multiplier * self.range))
    }
}

/// The model as bytes.
pub(crate) fn save(metrics: &Metrics, model: &[Usual]) -> Vec<u8> {
    let mut writer = Writer::new(VERSION);
    writer.count(model.len());
    for usual in model {
        writer.text(metrics.name(usual.column));
        writer.f64s(&[usual.mean, usual.std, usual.lower_quartile, usual.upper_quartile, usual.range]);
    }
    writer.finish()
}

/// The model that [`save`] wrote.
///
/// # Errors
/// What is wrong with the bytes.
pub(crate) fn restore(metrics: &Metrics, bytes: &[u8]) -> Result<Vec<Usual>, String> {
    let mut reader = Reader::new(VERSION, bytes)?;
    let count = reader.count("metrics", 1..=METRICS_MAX)?;
    let mut model = Vec::with_capacity(count);
    for _ in 0..count {
        let column = metrics.read_column(&mut reader)?;
        let [mean, std, lower_quartile, upper_quartile, range] = reader.f64s()?;
        if std <= 0.0 || range <= 0.0 {
            return Err(format!("the model's spread of `{}` is not above 0", metrics.name(column)));
        }
        model.push(Usual { column, mean, std, lower_quartile, upper_quartile, range });
    }
    reader.finish()?;
    Ok(model)
}
