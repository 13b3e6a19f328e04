//! Isolation trees, laid out for speed: scoring walks 100 of them for every row.

use lapwing_sdk::features::{Reader, Writer};

/// The height of every tree. As in the paper, 256 rows need 8 splits on average to be set apart.
pub(crate) const HEIGHT: usize = 8;

/// The largest subsample: as many rows as a tree of that height has leaves.
pub(crate) const SUBSAMPLE_MAX: usize = 1 << HEIGHT;

/// How many rows walk down a tree side by side: while one waits for memory, the others go on.
pub(crate) const LANES: usize = 8;

/// Some rows, feature by feature. `WIDTH` is a power of two, so that a feature's number is masked instead of checked.
pub(crate) type Group<const WIDTH: usize> = [[f32; LANES]; WIDTH];

/// The mark of a leaf in a saved tree, in the place of a feature's number.
const LEAF: u8 = u8::MAX;

#[derive(Clone, Copy)]
struct Split {
    /// Rows go right from here on.
    threshold: f32,
    feature: u32,
}

/// Stands below an early leaf, where it does not matter which way a row goes.
const NO_SPLIT: Split = Split { threshold: f32::INFINITY, feature: 0 };

/// A perfect binary tree in heap order: the root is 1, the children of `i` are `2i` and `2i + 1`.
///
/// A leaf that training reached early is repeated over all the leaves below it. So every row takes the same number of
/// steps, and no step is a branch that a processor could mispredict.
pub(crate) struct Tree {
    splits: [Split; SUBSAMPLE_MAX],
    path_lengths: [f32; SUBSAMPLE_MAX],
}

impl Tree {
    /// A tree of one leaf.
    pub(crate) fn new() -> Self {
        Self { splits: [NO_SPLIT; SUBSAMPLE_MAX], path_lengths: [0.0; SUBSAMPLE_MAX] }
    }

    /// Splits a node that lies above the leaves.
    pub(crate) fn split(&mut self, node: usize, feature: u8, threshold: f32) {
        self.splits[node] = Split { threshold, feature: feature.into() };
    }

    /// Ends the path at a node of this depth.
    pub(crate) fn end(&mut self, node: usize, depth: usize, path_length: f32) {
        self.path_lengths[leaves_below(node, depth)].fill(path_length);
    }

    /// The path lengths of some rows.
    #[inline]
    pub(crate) fn path_lengths<const WIDTH: usize>(&self, group: &Group<WIDTH>) -> [f32; LANES] {
        let mut nodes = [1; LANES];
        for _ in 0..HEIGHT {
            for (lane, node) in nodes.iter_mut().enumerate() {
                let split = self.splits[*node % SUBSAMPLE_MAX];
                let value = group[split.feature as usize % WIDTH][lane];
                *node = 2 * *node + usize::from(value >= split.threshold);
            }
        }
        nodes.map(|leaf| self.path_lengths[leaf % SUBSAMPLE_MAX])
    }

    /// Writes the nodes in preorder, without the repetitions.
    pub(crate) fn write(&self, writer: &mut Writer) {
        self.write_node(writer, 1, 0);
    }

    fn write_node(&self, writer: &mut Writer, node: usize, depth: usize) {
        match self.splits.get(node) {
            Some(split) if split.threshold.is_finite() => {
                writer.u8(split.feature as u8);
                writer.f32(split.threshold);
                self.write_node(writer, 2 * node, depth + 1);
                self.write_node(writer, 2 * node + 1, depth + 1);
            }
            _ => {
                writer.u8(LEAF);
                writer.f32(self.path_lengths[leaves_below(node, depth).start]);
            }
        }
    }

    /// Reads what [`write`](Tree::write) wrote.
    pub(crate) fn read(reader: &mut Reader<'_>, features: usize) -> Result<Self, String> {
        let mut tree = Self::new();
        tree.read_node(reader, features, 1, 0)?;
        Ok(tree)
    }

    fn read_node(
        &mut self,
        reader: &mut Reader<'_>,
        features: usize,
        node: usize,
        depth: usize,
    ) -> Result<(), String> {
        let (feature, number) = (reader.u8()?, reader.f32()?);
        if feature == LEAF {
            self.end(node, depth, number);
            return Ok(());
        }
        if usize::from(feature) >= features {
            return Err(format!("a tree in the model asks for feature {feature} of {features}"));
        }
        if depth == HEIGHT {
            return Err(format!("a tree in the model is taller than {HEIGHT}"));
        }
        self.split(node, feature, number);
        self.read_node(reader, features, 2 * node, depth + 1)?;
        self.read_node(reader, features, 2 * node + 1, depth + 1)
    }
}

fn leaves_below(node: usize, depth: usize) -> std::ops::Range<usize> {
    let below = HEIGHT - depth;
    let first = (node << below) - SUBSAMPLE_MAX;
    first..first + (1 << below)
}
