//! Growing a forest.

use lapwing_sdk::features::{Feature, is_known};

use crate::random::Random;
use crate::tree::{HEIGHT, Tree};

/// Values beyond this are pulled back to it, so that the difference of two is finite in single precision.
const VALUE_MAX: f64 = 1e38;

const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;

/// A value as the trees see it.
pub(crate) fn narrow(value: f64) -> f32 {
    value.clamp(-VALUE_MAX, VALUE_MAX) as f32
}

/// The average path length of an unsuccessful search in a binary search tree of `rows` rows: `c(n)` in the paper, by
/// which path lengths are normalised.
pub(crate) fn average_path_length(rows: usize) -> f64 {
    match rows {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let n = rows as f64;
            2.0 * ((n - 1.0).ln() + EULER_GAMMA) - 2.0 * (n - 1.0) / n
        }
    }
}

/// Grows trees, each on another subsample of `subsample` of the `rows` rows.
pub(crate) fn grow(
    features: &[Feature<'_>],
    rows: usize,
    trees: usize,
    subsample: usize,
    seed: u64,
) -> Vec<Tree> {
    let mut random = Random::new(seed);
    let mut shuffled: Vec<usize> = (0..rows).collect();
    (0..trees)
        .map(|_| {
            shuffle_front(&mut shuffled, subsample, &mut random);
            let columns = features.iter().map(|feature| draw(feature, &shuffled[..subsample], &mut random));
            let columns: Vec<Vec<f32>> = columns.collect();
            let mut members: Vec<usize> = (0..subsample).collect();
            let mut growth = Growth {
                tree: Tree::new(),
                columns: &columns,
                features: (0..columns.len()).collect(),
                random: &mut random,
                height_max: subsample.next_power_of_two().ilog2() as usize,
            };
            growth.node(1, 0, &mut members);
            growth.tree
        })
        .collect()
}

/// Brings a random choice of items to the front: as many steps of a Fisher–Yates shuffle.
fn shuffle_front(items: &mut [usize], count: usize, random: &mut Random) {
    for i in 0..count {
        items.swap(i, i + random.below(items.len() - i));
    }
}

/// The values of a feature in some rows. A missing one is drawn from the known ones: were it always the median, that
/// would look so common that ordinary values looked rare.
fn draw(feature: &Feature<'_>, rows: &[usize], random: &mut Random) -> Vec<f32> {
    let value = |&row: &usize| match feature.values.get(row) {
        Some(&value) if is_known(value) => narrow(value),
        _ => narrow(feature.known[random.below(feature.known.len())]),
    };
    rows.iter().map(value).collect()
}

struct Growth<'a> {
    tree: Tree,
    /// The subsample, by feature.
    columns: &'a [Vec<f32>],
    /// Their numbers, in an order that the random choice stirs.
    features: Vec<usize>,
    random: &'a mut Random,
    height_max: usize,
}

impl Growth<'_> {
    fn node(&mut self, node: usize, depth: usize, members: &mut [usize]) {
        let split = if depth < self.height_max.min(HEIGHT) { self.choose_split(members) } else { None };
        let Some((feature, threshold)) = split else {
            let path_length = depth as f64 + average_path_length(members.len());
            return self.tree.end(node, depth, path_length as f32);
        };
        self.tree.split(node, feature as u8, threshold);
        let middle = partition(members, |member| self.columns[feature][member] < threshold);
        let (left, right) = members.split_at_mut(middle);
        self.node(2 * node, depth + 1, left);
        self.node(2 * node + 1, depth + 1, right);
    }

    /// A random value between the least and the greatest of a random feature that has more than one; `None` if no
    /// feature has.
    fn choose_split(&mut self, members: &[usize]) -> Option<(usize, f32)> {
        for untried in (1..=self.features.len()).rev() {
            let pick = self.random.below(untried);
            let feature = self.features[pick];
            self.features.swap(pick, untried - 1);
            let (least, greatest) = bounds(members.iter().map(|&member| self.columns[feature][member]));
            if least < greatest {
                let threshold = least + (greatest - least) * self.random.unit();
                // Strictly above the least: both sides then have a row.
                return Some((feature, if threshold > least { threshold } else { greatest }));
            }
        }
        None
    }
}

fn bounds(values: impl Iterator<Item = f32>) -> (f32, f32) {
    values.fold((f32::INFINITY, f32::NEG_INFINITY), |(least, greatest), value| {
        (least.min(value), greatest.max(value))
    })
}

/// Brings the members that `goes_left` to the front and says how many they are.
fn partition(members: &mut [usize], goes_left: impl Fn(usize) -> bool) -> usize {
    let mut left = 0;
    for i in 0..members.len() {
        if goes_left(members[i]) {
            members.swap(i, left);
            left += 1;
        }
    }
    left
}
