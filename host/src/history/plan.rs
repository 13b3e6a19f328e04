//! The columns of a batch: each equal declaration is computed once, whoever made it.

use super::input::{Aggregate, Input, Windowed};
use super::window::{Kind, TrackSpec};
use crate::heartbeat::Fact;
use crate::model::MetricId;

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
    Heartbeat(Fact),
    Timestamp,
}

impl Plan {
    /// The metric that a column has as the samples carry it, if it is such a column.
    #[must_use]
    pub fn latest(&self, column: usize) -> Option<MetricId> {
        match self.bindings.get(column)? {
            Binding::Latest { metric } => Some(self.metrics[*metric]),
            _ => None,
        }
    }

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
            Input::Heartbeat(fact) => Binding::Heartbeat(*fact),
            Input::Timestamp => Binding::Timestamp,
        };
        self.inputs.push(input.clone());
        self.bindings.push(binding);
        self.inputs.len() - 1
    }

    /// What these columns hold, in a form that is the same after a restart.
    #[must_use]
    pub fn fingerprint(&self, columns: &[usize]) -> String {
        let inputs: Vec<&Input> = columns.iter().filter_map(|&column| self.inputs.get(column)).collect();
        format!("{inputs:?}")
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
