//! What a plugin can ask the host to keep ready.
//!
//! Each function names one column. Windows read as a sentence: `mean("throughput").last(10)`,
//! `mean("throughput").last(990).before(10)`, `max("queue_depth").last_seconds(300.0)`.

use crate::bindings::rule::lapwing::plugin::types as wit;

pub use wit::{Aggregate, Extent, Parameter};

/// An input as declared, with the parameter that it brings along if it is one.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The column.
    pub input: wit::Input,
    /// The parameter that the column carries.
    pub parameter: Option<Parameter>,
}

impl From<wit::Input> for Declared {
    fn from(input: wit::Input) -> Self {
        Self { input, parameter: None }
    }
}

/// The metric as the sample carried it.
#[must_use]
pub fn latest(metric: &str) -> Declared {
    wit::Input::Latest(metric.to_owned()).into()
}

/// Whether a text metric equals `literal`: 1, 0, or missing where the sample lacks it.
#[must_use]
pub fn equals(metric: &str, literal: &str) -> Declared {
    wit::Input::Equals(wit::TextTest { metric: metric.to_owned(), literal: literal.to_owned() }).into()
}

/// Seconds since the last sign of life of the system arrived; 0 on the row of a sample.
#[must_use]
pub fn silence_s() -> Declared {
    wit::Input::Heartbeat(wit::Heartbeat::SilenceS).into()
}

/// The system's usual seconds between signs of life; missing until it is learned.
#[must_use]
pub fn expected_interval_s() -> Declared {
    wit::Input::Heartbeat(wit::Heartbeat::ExpectedIntervalS).into()
}

/// The silence in seconds from which the system counts as gone, by what is agreed for it and what was learned.
#[must_use]
pub fn silence_limit_s() -> Declared {
    wit::Input::Heartbeat(wit::Heartbeat::SilenceLimitS).into()
}

/// Seconds since the next sign of life should have come; negative: it is not due yet.
#[must_use]
pub fn lateness_s() -> Declared {
    wit::Input::Heartbeat(wit::Heartbeat::LatenessS).into()
}

/// φ: -log10 of the probability that a living system is silent for so long; 0 or more.
#[must_use]
pub fn suspicion() -> Declared {
    wit::Input::Heartbeat(wit::Heartbeat::Suspicion).into()
}

/// The probability that the system is alive, 0 to 1.
#[must_use]
pub fn alive() -> Declared {
    wit::Input::Heartbeat(wit::Heartbeat::Alive).into()
}

/// The sample's time, in seconds since the Unix epoch.
#[must_use]
pub fn timestamp() -> Declared {
    wit::Input::Timestamp.into()
}

/// A number that the operator may set, and change with no reload: per rule, system type and system.
///
/// `bounds` are the least and the greatest value allowed. `threshold` is the conventional name of a rule's main one.
#[must_use]
pub fn parameter(
    name: &str,
    description: &str,
    default: f64,
    bounds: std::ops::RangeInclusive<f64>,
) -> Declared {
    Declared {
        input: wit::Input::Parameter(name.to_owned()),
        parameter: Some(Parameter {
            name: name.to_owned(),
            description: description.to_owned(),
            default,
            min: *bounds.start(),
            max: *bounds.end(),
        }),
    }
}

/// How many values of the metric are known in a window.
#[must_use]
pub fn count(metric: &str) -> Window {
    Window::new(metric, Aggregate::Count)
}

/// The sum of a metric over a window.
#[must_use]
pub fn sum(metric: &str) -> Window {
    Window::new(metric, Aggregate::Sum)
}

/// The mean of a metric over a window.
#[must_use]
pub fn mean(metric: &str) -> Window {
    Window::new(metric, Aggregate::Mean)
}

/// The population standard deviation of a metric over a window.
#[must_use]
pub fn std(metric: &str) -> Window {
    Window::new(metric, Aggregate::Std)
}

/// The least value of a metric in a window.
#[must_use]
pub fn min(metric: &str) -> Window {
    Window::new(metric, Aggregate::Min)
}

/// The greatest value of a metric in a window.
#[must_use]
pub fn max(metric: &str) -> Window {
    Window::new(metric, Aggregate::Max)
}

/// An aggregate that still lacks its window: say how long with [`last`](Window::last) or
/// [`last_seconds`](Window::last_seconds).
#[derive(Clone, Debug)]
pub struct Window {
    metric: String,
    aggregate: Aggregate,
}

impl Window {
    /// An aggregate chosen at run time.
    #[must_use]
    pub fn new(metric: &str, aggregate: Aggregate) -> Self {
        Self { metric: metric.to_owned(), aggregate }
    }

    /// Over the last `samples`, the row included.
    #[must_use]
    pub fn last(self, samples: u32) -> WindowedInput {
        self.over(Extent::Samples(samples), Extent::Samples(0))
    }

    /// Over the last `seconds` of event time, the row included.
    #[must_use]
    pub fn last_seconds(self, seconds: f64) -> WindowedInput {
        self.over(Extent::Seconds(seconds), Extent::Seconds(0.0))
    }

    fn over(self, span: Extent, offset: Extent) -> WindowedInput {
        WindowedInput(wit::Windowed { metric: self.metric, aggregate: self.aggregate, span, offset })
    }
}

/// An aggregate over a window; it may still be moved into the past.
#[derive(Clone, Debug)]
pub struct WindowedInput(wit::Windowed);

impl WindowedInput {
    /// Ends the window `samples` before the row.
    #[must_use]
    pub fn before(mut self, samples: u32) -> Self {
        self.0.offset = Extent::Samples(samples);
        self
    }

    /// Ends the window `seconds` of event time before the row.
    #[must_use]
    pub fn before_seconds(mut self, seconds: f64) -> Self {
        self.0.offset = Extent::Seconds(seconds);
        self
    }
}

impl From<WindowedInput> for Declared {
    fn from(windowed: WindowedInput) -> Self {
        wit::Input::Over(windowed.0).into()
    }
}

/// The words for an input: `response_time_ms`, `mean of throughput over 10 samples`.
pub(crate) fn words(input: &wit::Input) -> String {
    match input {
        wit::Input::Latest(metric) => metric.clone(),
        wit::Input::Over(windowed) => {
            let aggregate = match windowed.aggregate {
                Aggregate::Count => "count",
                Aggregate::Sum => "sum",
                Aggregate::Mean => "mean",
                Aggregate::Std => "standard deviation",
                Aggregate::Min => "minimum",
                Aggregate::Max => "maximum",
            };
            let span = extent_words(&windowed.span);
            match &windowed.offset {
                Extent::Samples(0) => format!("{aggregate} of {} over {span}", windowed.metric),
                Extent::Seconds(s) if *s == 0.0 => format!("{aggregate} of {} over {span}", windowed.metric),
                offset => {
                    format!(
                        "{aggregate} of {} over {span} before the last {}",
                        windowed.metric,
                        extent_words(offset)
                    )
                }
            }
        }
        wit::Input::Equals(test) => format!("{} is {}", test.metric, test.literal),
        wit::Input::Heartbeat(wit::Heartbeat::SilenceS) => "silence in seconds".to_owned(),
        wit::Input::Heartbeat(wit::Heartbeat::ExpectedIntervalS) => "usual interval in seconds".to_owned(),
        wit::Input::Heartbeat(wit::Heartbeat::SilenceLimitS) => "silence allowed in seconds".to_owned(),
        wit::Input::Heartbeat(wit::Heartbeat::LatenessS) => "lateness in seconds".to_owned(),
        wit::Input::Heartbeat(wit::Heartbeat::Suspicion) => "suspicion".to_owned(),
        wit::Input::Heartbeat(wit::Heartbeat::Alive) => "probability of being alive".to_owned(),
        wit::Input::Parameter(name) => name.clone(),
        wit::Input::Timestamp => "time".to_owned(),
    }
}

fn extent_words(extent: &Extent) -> String {
    match extent {
        Extent::Samples(samples) => format!("{samples} samples"),
        Extent::Seconds(seconds) => format!("{seconds} s"),
    }
}
