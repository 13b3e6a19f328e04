//! Data for the tests of scorers: the same at every run, without a dependency.

/// Noise in -0.5..0.5 that repeats only after a long time: fractional parts of multiples of irrational numbers.
#[must_use]
pub fn noise(row: usize, metric: usize) -> f64 {
    let step = [0.618_033_988_749, 0.414_213_562_373, 0.732_050_807_568, 0.236_067_977_499][metric % 4];
    (row as f64 * step * (1.0 + metric as f64 * 0.01) + metric as f64 * 0.377).fract() - 0.5
}

/// Columns of usual values: a level for each metric, and noise around it that is nearly normal, with a standard deviation
/// of about 1.
#[must_use]
pub fn usual_columns(metrics: usize, rows: usize) -> Vec<Vec<f64>> {
    let value = |metric: usize, row: usize| {
        let sum: f64 = (0..6).map(|part| noise(row, metric * 6 + part)).sum();
        50.0 + 10.0 * metric as f64 + sum * 1.4
    };
    (0..metrics).map(|metric| (0..rows).map(|row| value(metric, row)).collect()).collect()
}
