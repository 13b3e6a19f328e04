//! From scaled rows to groups of rows that belong together.

use linfa::traits::Transformer;
use linfa_clustering::Dbscan;
use ndarray::Array2;

/// The clusters of `rows`, each a list of row numbers, the largest first. Rows that belong nowhere are in none.
///
/// `eps` is a distance in units of the expected one between two unrelated rows, which in scaled features is the square
/// root of twice their number.
///
/// # Errors
/// The rows differ in length.
pub(crate) fn clusters(rows: &[Vec<f64>], eps: f64, min_samples: usize) -> Result<Vec<Vec<usize>>, String> {
    let width = rows.first().map_or(0, Vec::len);
    let flat: Vec<f64> = rows.iter().flatten().copied().collect();
    let array = Array2::from_shape_vec((rows.len(), width), flat).map_err(|error| error.to_string())?;
    let tolerance = eps * (2.0 * width as f64).sqrt();
    let labels = Dbscan::params(min_samples)
        .tolerance(tolerance)
        .transform(&array)
        .map_err(|error| error.to_string())?;
    let count = labels.iter().flatten().max().map_or(0, |last| last + 1);
    let mut clusters = vec![Vec::new(); count];
    for (row, label) in labels.iter().enumerate() {
        if let Some(label) = label {
            clusters[*label].push(row);
        }
    }
    clusters.sort_by_key(|members| std::cmp::Reverse(members.len()));
    Ok(clusters)
}
