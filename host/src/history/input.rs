//! What plugins may declare, and the plan that computes each equal declaration once.

use super::window::{Kind, TrackSpec};
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
    /// Seconds since the last sample arrived.
    SilenceS,
    /// The usual seconds between samples.
    ExpectedIntervalS,
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

/// The distinct inputs of all plugins in force, and what each system must keep for them.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    inputs: Vec<Input>,
    pub(super) bindings: Vec<Binding>,
    pub(super) tracks: Vec<TrackSpec>,
    /// The metrics whose places in a row every system looks up once.
    pub(super) metrics: Vec<MetricId>,
}

/// How a column is filled. Numbers are places in the plan.
#[derive(Clone, Debug)]
pub(super) enum Binding {
    Latest { metric: usize },
    Track { track: usize, aggregate: Aggregate },
    Equals { metric: MetricId, literal: Box<str> },
    SilenceS,
    ExpectedIntervalS,
    Timestamp,
}

impl Plan {
    /// The column of an input, new or shared.
    pub fn column(&mut self, input: &Input) -> usize {
        if let Some(column) = self.inputs.iter().position(|known| known == input) {
            return column;
        }
        let binding = match input {
            Input::Latest(metric) => Binding::Latest { metric: self.metric(*metric) },
            Input::Over(windowed) => {
                Binding::Track { track: self.track(windowed), aggregate: windowed.aggregate }
            }
            Input::Equals(metric, literal) => Binding::Equals { metric: *metric, literal: literal.clone() },
            Input::SilenceS => Binding::SilenceS,
            Input::ExpectedIntervalS => Binding::ExpectedIntervalS,
            Input::Timestamp => Binding::Timestamp,
        };
        self.inputs.push(input.clone());
        self.bindings.push(binding);
        self.inputs.len() - 1
    }

    /// How many columns there are.
    #[must_use]
    pub fn width(&self) -> usize {
        self.inputs.len()
    }

    fn metric(&mut self, metric: MetricId) -> usize {
        place_of(&mut self.metrics, metric)
    }

    fn track(&mut self, windowed: &Windowed) -> usize {
        let kind = match windowed.aggregate {
            Aggregate::Count | Aggregate::Sum | Aggregate::Mean => Kind::Sum,
            Aggregate::Std => Kind::Moments,
            Aggregate::Min => Kind::Min,
            Aggregate::Max => Kind::Max,
        };
        let metric = self.metric(windowed.metric);
        place_of(&mut self.tracks, TrackSpec { metric, span: windowed.span, offset: windowed.offset, kind })
    }
}

fn place_of<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    list.iter().position(|known| *known == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}
