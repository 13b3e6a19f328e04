//! What plugins may declare.

use crate::heartbeat::Fact;
use crate::model::MetricId;

/// One column that the host keeps ready.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// The metric as the sample carried it.
    Latest(MetricId),
    /// An aggregate over a trailing window.
    Over(Windowed),
    /// Whether a text metric equals a literal.
    Equals(MetricId, Box<str>),
    /// What the heartbeat says.
    Heartbeat(Fact),
    /// The sample's time in seconds.
    Timestamp,
}

/// An aggregate of a metric over `span`, ending `offset` before the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Windowed {
    /// Which metric.
    pub metric: MetricId,
    /// What of it.
    pub aggregate: Aggregate,
    /// How long.
    pub span: Extent,
    /// How long ago.
    pub offset: Extent,
}

/// An aggregate of the known values in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// How many there are.
    Count,
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
    /// Their population standard deviation.
    Std,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

/// A length of history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extent {
    /// So many samples.
    Samples(u32),
    /// So many milliseconds of event time.
    Millis(u64),
}
