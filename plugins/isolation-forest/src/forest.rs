//! The model: trees, what stands for a missing value, and how unusual the training rows themselves were.

use lapwing_sdk::features::{
    Feature, METRICS_MAX, Metrics, Reader, Writer, evenly_spaced, is_known, least_spread, quantile, values,
};

use crate::Settings;
use crate::grow::{average_path_length, grow, narrow};
use crate::tree::{Group, LANES, SUBSAMPLE_MAX, Tree};

/// The most trees: more would make a slow model of no better judgement.
pub(crate) const TREES_MAX: usize = 1000;

const VERSION: u8 = 1;

/// So many training rows say what is usual.
const CALIBRATION_ROWS: usize = 500;

/// The limit is at least this far above the median of the training rows' anomaly scores. Where nearly all rows are
/// alike, any row would be beyond a limit drawn through them.
const LIMIT_MIN: f64 = 0.02;

/// So many rows at a time walk down a tree: they and the tree stay in the processor's nearest cache.
const BLOCK: usize = 256;

/// A model.
pub struct Forest {
    varying: Vec<Varying>,
    constant: Vec<Constant>,
    subsample: usize,
    /// The anomaly score of a usual row.
    usual: f64,
    /// How far above the usual one the anomaly score of a row at the limit is.
    limit: f64,
    trees: Vec<Tree>,
}

/// A metric that the trees split on.
struct Varying {
    column: usize,
    /// Stands for a missing value.
    median: f64,
}

/// A metric that never moved, so that no tree can split on it.
struct Constant {
    column: usize,
    value: f64,
}

impl Constant {
    /// 0 where the value stays the same, towards 1 the further it moves; 0 where it is missing.
    fn moved(&self, value: f64) -> f64 {
        let distance = (value - self.value).abs();
        if distance.is_finite() { distance / (distance + least_spread(self.value)) } else { 0.0 }
    }
}

impl Forest {
    /// Grows a forest on these features of the rows.
    pub(crate) fn train(
        settings: &Settings,
        features: Vec<Feature<'_>>,
        columns: &[Vec<f64>],
        rows: usize,
    ) -> Self {
        let (varying, constant): (Vec<Feature<'_>>, Vec<Feature<'_>>) =
            features.into_iter().partition(|feature| {
                let first = narrow(feature.known[0]);
                feature.known.iter().any(|&value| narrow(value) != first)
            });
        let subsample = settings.subsample.min(rows);
        let mut forest = Self {
            trees: grow(&varying, rows, settings.trees, subsample, settings.seed),
            subsample,
            usual: 0.0,
            limit: 1.0,
            constant: constant
                .into_iter()
                .map(|feature| Constant { column: feature.column, value: feature.known[0] })
                .collect(),
            varying: varying
                .into_iter()
                .map(|mut feature| Varying {
                    column: feature.column,
                    median: quantile(&mut feature.known, 0.5),
                })
                .collect(),
        };
        forest.calibrate(columns, rows, settings.contamination);
        forest
    }

    fn calibrate(&mut self, columns: &[Vec<f64>], rows: usize, contamination: f64) {
        let choice: Vec<usize> = evenly_spaced(rows, CALIBRATION_ROWS).collect();
        let chosen = |values: &Vec<f64>| {
            choice.iter().map(|&row| values.get(row).copied().unwrap_or(f64::NAN)).collect()
        };
        let sample: Vec<Vec<f64>> = columns.iter().map(chosen).collect();
        let mut scores = self.anomaly_scores(&sample, choice.len());
        scores.retain(|score| !score.is_nan());
        if scores.is_empty() {
            return;
        }
        self.usual = quantile(&mut scores, 0.5);
        self.limit = (quantile(&mut scores, 1.0 - contamination) - self.usual).max(LIMIT_MIN);
    }

    /// How far above usual each row is, in units of the limit; NaN: too little of the row is known.
    pub(crate) fn excesses(&self, columns: &[Vec<f64>], rows: usize) -> Vec<f64> {
        let mut scores = self.anomaly_scores(columns, rows);
        for score in &mut scores {
            *score = (*score - self.usual) / self.limit;
        }
        scores
    }

    /// The paper's anomaly score, 0..=1: 2 to the power of minus the average path length over that of usual rows.
    fn anomaly_scores(&self, columns: &[Vec<f64>], rows: usize) -> Vec<f64> {
        // A forest over few features, as most are, has a group for its rows that is four times smaller.
        let path_lengths = if self.varying.len() <= 16 {
            self.path_lengths::<16>(columns, rows)
        } else {
            self.path_lengths::<METRICS_MAX>(columns, rows)
        };
        let shortening = self.shortening(columns, rows);
        let normal = average_path_length(self.subsample);
        path_lengths
            .into_iter()
            .zip(shortening)
            .map(|(path_length, shortening)| (-f64::from(path_length) * shortening / normal).exp2())
            .collect()
    }

    /// The average path length of each row.
    fn path_lengths<const WIDTH: usize>(&self, columns: &[Vec<f64>], rows: usize) -> Vec<f32> {
        let mut sums = vec![[0.0; LANES]; rows.div_ceil(LANES)];
        let mut groups: Vec<Group<WIDTH>> = vec![[[0.0; LANES]; WIDTH]; BLOCK / LANES];
        for (block, sums) in sums.chunks_mut(BLOCK / LANES).enumerate() {
            self.gather(columns, rows, block * BLOCK, &mut groups);
            for tree in &self.trees {
                for (sums, group) in sums.iter_mut().zip(&groups) {
                    let path_lengths = tree.path_lengths(group);
                    for (sum, path_length) in sums.iter_mut().zip(path_lengths) {
                        *sum += path_length;
                    }
                }
            }
        }
        let trees = self.trees.len() as f32;
        sums.into_flattened().into_iter().take(rows).map(|sum| sum / trees).collect()
    }

    /// Turns a block of rows into groups.
    fn gather<const WIDTH: usize>(
        &self,
        columns: &[Vec<f64>],
        rows: usize,
        start: usize,
        groups: &mut [Group<WIDTH>],
    ) {
        let end = rows.min(start + BLOCK);
        for (feature, varying) in self.varying.iter().enumerate() {
            let block = values(columns, varying.column, rows).get(start..end).unwrap_or(&[]);
            let mut block = block.iter().copied().chain(std::iter::repeat(f64::NAN));
            for (lane, value) in groups.iter_mut().flat_map(|group| &mut group[feature]).zip(&mut block) {
                *lane = narrow(if is_known(value) { value } else { varying.median });
            }
        }
    }

    /// What to multiply the path length of each row with; NaN where less than half of the metrics are known.
    ///
    /// A tree that could split between a constant metric and its changed value would do so at the root, in as many
    /// trees as the metric has a share of the features: so much shorter is the average path.
    fn shortening(&self, columns: &[Vec<f64>], rows: usize) -> Vec<f64> {
        let features = (self.varying.len() + self.constant.len()) as f64;
        let mut known = vec![0.0; rows];
        let mut moved = vec![0.0; rows];
        for column in self.varying.iter().map(|varying| varying.column) {
            for (known, value) in known.iter_mut().zip(values(columns, column, rows)) {
                *known += f64::from(u8::from(is_known(*value)));
            }
        }
        for constant in &self.constant {
            let values = values(columns, constant.column, rows);
            for ((known, moved), &value) in known.iter_mut().zip(&mut moved).zip(values) {
                *known += f64::from(u8::from(is_known(value)));
                *moved += constant.moved(value);
            }
        }
        let factor = |(known, moved): (f64, f64)| {
            if 2.0 * known < features { f64::NAN } else { 1.0 - moved / features }
        };
        known.into_iter().zip(moved).map(factor).collect()
    }

    /// The model as bytes.
    pub(crate) fn save(&self, metrics: &Metrics) -> Vec<u8> {
        let mut writer = Writer::new(VERSION);
        writer.count(self.varying.len());
        for varying in &self.varying {
            writer.text(metrics.name(varying.column));
            writer.f64s(&[varying.median]);
        }
        writer.count(self.constant.len());
        for constant in &self.constant {
            writer.text(metrics.name(constant.column));
            writer.f64s(&[constant.value]);
        }
        writer.count(self.subsample);
        writer.f64s(&[self.usual, self.limit]);
        writer.count(self.trees.len());
        for tree in &self.trees {
            tree.write(&mut writer);
        }
        writer.finish()
    }

    /// The model that [`save`](Forest::save) wrote.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub(crate) fn restore(metrics: &Metrics, bytes: &[u8]) -> Result<Self, String> {
        let mut reader = Reader::new(VERSION, bytes)?;
        let read_metric = |reader: &mut Reader<'_>| -> Result<(usize, f64), String> {
            let column = metrics.read_column(reader)?;
            let [value] = reader.f64s()?;
            Ok((column, value))
        };
        let varying = (0..reader.count("metrics", 0..=METRICS_MAX)?)
            .map(|_| read_metric(&mut reader).map(|(column, median)| Varying { column, median }))
            .collect::<Result<Vec<_>, _>>()?;
        let constant = (0..reader.count("constant metrics", 0..=METRICS_MAX)?)
            .map(|_| read_metric(&mut reader).map(|(column, value)| Constant { column, value }))
            .collect::<Result<_, _>>()?;
        let subsample = reader.count("rows a tree", 2..=SUBSAMPLE_MAX)?;
        let [usual, limit] = reader.f64s()?;
        if limit < LIMIT_MIN {
            return Err(format!("the model's limit is {limit}, it must be at least {LIMIT_MIN}"));
        }
        let trees = (0..reader.count("trees", 1..=TREES_MAX)?)
            .map(|_| Tree::read(&mut reader, varying.len()))
            .collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { varying, constant, subsample, usual, limit, trees })
    }
}
