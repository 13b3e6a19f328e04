//! The table of this room: keys come from outside, so its hash is keyed, and looking up is most of what a decision costs.

/// A table without order. What is decided never depends on the order in which it is read.
pub(super) type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
