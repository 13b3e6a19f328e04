//! What scorers over a list of metrics share: the setting, the columns worth learning from, and a model's bytes.

use std::ops::RangeInclusive;

use serde::Deserialize;

use crate::input::{Declared, latest};

/// The numeric metrics that every health sample has a field for.
pub const BUILT_IN: [&str; 9] = [
    "response_time_ms",
    "cpu_usage_percent",
    "memory_usage_percent",
    "disk_usage_percent",
    "network_latency_ms",
    "error_rate",
    "throughput",
    "active_connections",
    "queue_depth",
];

/// The most metrics that a scorer can read: what the contract allows as inputs.
pub const METRICS_MAX: usize = 64;

/// The fewest rows that a scorer learns from.
pub const ROWS_MIN: usize = 100;

/// A metric with fewer known values than this, or known in less than a tenth of the rows, is not learned.
const KNOWN_MIN: usize = 30;

/// The setting `metrics`: 1 to 64 different names, the nine built-in ones by default.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Metrics(Vec<String>);

impl Default for Metrics {
    fn default() -> Self {
        Self(BUILT_IN.map(str::to_owned).to_vec())
    }
}

impl TryFrom<Vec<String>> for Metrics {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        within("metrics: the number of names", names.len(), 1..=METRICS_MAX)?;
        for (position, name) in names.iter().enumerate() {
            if name.is_empty() {
                return Err("metrics: a name is empty; each is the name of a metric".to_owned());
            }
            if names[..position].contains(name) {
                return Err(format!("metrics: `{name}` is listed twice; each metric counts once"));
            }
        }
        Ok(Self(names))
    }
}

impl Metrics {
    /// The latest value of each metric, in order.
    #[must_use]
    pub fn declare(&self) -> Vec<Declared> {
        self.0.iter().map(|name| latest(name)).collect()
    }

    /// The metrics whose known values are enough to learn from.
    ///
    /// # Errors
    /// There are fewer than [`ROWS_MIN`] rows, or no such metric.
    pub fn learn<'a>(&self, columns: &'a [Vec<f64>], rows: usize) -> Result<Vec<Feature<'a>>, String> {
        if rows < ROWS_MIN {
            return Err(format!("needs {ROWS_MIN} rows, got {rows}"));
        }
        let enough = KNOWN_MIN.max(rows / 10);
        let features: Vec<Feature<'a>> = (0..self.0.len())
            .map(|column| Feature::of(columns, column, rows))
            .filter(|feature| feature.known.len() >= enough)
            .collect();
        if features.is_empty() {
            return Err(format!("no metric is known in {enough} of the {rows} rows: nothing to learn from"));
        }
        Ok(features)
    }

    /// The name of a column: what a model remembers of it. Empty if there is no such column.
    #[must_use]
    pub fn name(&self, column: usize) -> &str {
        self.0.get(column).map_or("", String::as_str)
    }

    /// The column of the metric whose name comes next in a model.
    ///
    /// # Errors
    /// The bytes end, or the model was learned with another list of metrics.
    pub fn read_column(&self, reader: &mut Reader<'_>) -> Result<usize, String> {
        let name = reader.text()?;
        self.0
            .iter()
            .position(|known| known == name)
            .ok_or_else(|| format!("the model reads `{name}`, which is not among the scorer's metrics"))
    }
}

/// A metric worth learning from.
pub struct Feature<'a> {
    /// Its place among the scorer's metrics.
    pub column: usize,
    /// A value for each row.
    pub values: &'a [f64],
    /// The [known](is_known) ones, in no order that matters.
    pub known: Vec<f64>,
}

impl<'a> Feature<'a> {
    fn of(columns: &'a [Vec<f64>], column: usize, rows: usize) -> Self {
        let values = values(columns, column, rows);
        Self { column, values, known: values.iter().copied().filter(|&value| is_known(value)).collect() }
    }

    /// Mean and population standard deviation of the known values.
    #[must_use]
    pub fn mean_std(&self) -> (f64, f64) {
        let count = self.known.len().max(1) as f64;
        let mean = self.known.iter().sum::<f64>() / count;
        let variance = self.known.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
        (mean, variance.sqrt())
    }
}

/// Whether a value is there. What is too large to be squared is no measurement either.
#[must_use]
#[inline]
pub fn is_known(value: f64) -> bool {
    value.abs() <= 1e100
}

/// The values of a column; none if the batch lacks it, so that a lacking column reads as missing.
#[must_use]
pub fn values(columns: &[Vec<f64>], column: usize, rows: usize) -> &[f64] {
    columns.get(column).and_then(|values| values.get(..rows)).unwrap_or(&[])
}

/// The least spread that a metric around `centre` is taken to have.
///
/// A metric that never moved in training has no spread of its own, yet one day it moves. A thousandth of its level (and
/// of one, for an error rate that was always 0) makes a visible change notable and a rounding error nothing.
#[must_use]
pub fn least_spread(centre: f64) -> f64 {
    1e-3 * centre.abs() + 1e-3
}

/// The `q` quantile (0..=1) of `values`, the nearest rank; NaN if there are none. Reorders them.
#[must_use]
pub fn quantile(values: &mut [f64], q: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let rank = (q.clamp(0.0, 1.0) * (values.len() - 1) as f64).round() as usize;
    *values.select_nth_unstable_by(rank, f64::total_cmp).1
}

/// Up to `most` row numbers, evenly spaced over `rows` rows and so over their time.
pub fn evenly_spaced(rows: usize, most: usize) -> impl Iterator<Item = usize> {
    let count = rows.min(most);
    (0..count).map(move |i| i * rows / count)
}

/// Checks that a setting, or a number in a model, lies within its bounds.
///
/// # Errors
/// A sentence that names it, its value and its bounds.
pub fn within<T>(name: &str, value: T, bounds: RangeInclusive<T>) -> Result<T, String>
where
    T: PartialOrd + std::fmt::Display,
{
    if bounds.contains(&value) {
        return Ok(value);
    }
    Err(format!("{name} is {value}, it must be between {} and {}", bounds.start(), bounds.end()))
}

/// Writes a model: its version, then little-endian numbers and texts.
pub struct Writer(Vec<u8>);

impl Writer {
    /// Starts the bytes of a model of this version.
    #[must_use]
    pub fn new(version: u8) -> Self {
        Self(vec![version])
    }

    /// A small whole number.
    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    /// A whole number that [`Reader::count`] reads; those are limited to 65,535.
    pub fn count(&mut self, value: usize) {
        self.0.extend_from_slice(&u16::try_from(value).unwrap_or(u16::MAX).to_le_bytes());
    }

    /// A number in single precision.
    pub fn f32(&mut self, value: f32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Numbers, without their count.
    pub fn f64s(&mut self, values: &[f64]) {
        self.0.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    /// A text.
    pub fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    /// The bytes.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads what a [`Writer`] wrote; it trusts no byte.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts to read a model of this version.
    ///
    /// # Errors
    /// It is empty, or of another version.
    pub fn new(version: u8, bytes: &'a [u8]) -> Result<Self, String> {
        match bytes.split_first() {
            None => Err("the model is empty".to_owned()),
            Some((&found, rest)) if found == version => Ok(Self(rest)),
            Some((found, _)) => {
                Err(format!("the model has version {found}, this scorer reads version {version}"))
            }
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (head, rest) = self.0.split_at_checked(length).ok_or("the model ends too early")?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (head, rest) = self.0.split_first_chunk().ok_or("the model ends too early")?;
        self.0 = rest;
        Ok(*head)
    }

    /// A small whole number.
    ///
    /// # Errors
    /// The bytes end.
    pub fn u8(&mut self) -> Result<u8, String> {
        self.array::<1>().map(|[value]| value)
    }

    /// A whole number within `bounds`.
    ///
    /// # Errors
    /// The bytes end, or it lies elsewhere.
    pub fn count(&mut self, name: &str, bounds: RangeInclusive<usize>) -> Result<usize, String> {
        within(&format!("the model's number of {name}"), u16::from_le_bytes(self.array()?).into(), bounds)
    }

    /// A finite number in single precision.
    ///
    /// # Errors
    /// The bytes end, or it is not finite.
    pub fn f32(&mut self) -> Result<f32, String> {
        finite(f32::from_le_bytes(self.array()?))
    }

    /// Finite numbers.
    ///
    /// # Errors
    /// The bytes end, or one is not finite.
    pub fn f64s<const N: usize>(&mut self) -> Result<[f64; N], String> {
        let mut values = [0.0; N];
        for value in &mut values {
            *value = finite(f64::from_le_bytes(self.array()?))?;
        }
        Ok(values)
    }

    /// A text.
    ///
    /// # Errors
    /// The bytes end, or are not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, String> {
        let length = self.count("bytes in a name", 0..=usize::from(u16::MAX))?;
        std::str::from_utf8(self.take(length)?).map_err(|_| "a name in the model is not UTF-8".to_owned())
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Bytes are left.
    pub fn finish(self) -> Result<(), String> {
        match self.0.len() {
            0 => Ok(()),
            left => Err(format!("the model has {left} bytes too many")),
        }
    }
}

fn finite<T: Copy + Into<f64>>(value: T) -> Result<T, String> {
    if value.into().is_finite() { Ok(value) } else { Err("a number in the model is not finite".to_owned()) }
}
