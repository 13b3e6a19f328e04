//! Declared inputs to columns of the plan: metric names get their numbers, windows are checked against what is kept.

use super::rule::ColumnSource;
use crate::heartbeat::Fact;
use crate::history::{Aggregate, Extent, Input, Plan, Windowed};
use crate::model::{MetricId, SharedNames};
use crate::sandbox::contract;

/// Where each declared input comes from. New columns are added to the plan.
pub(super) fn bind(
    declared: &[contract::Input],
    parameters: &[contract::Parameter],
    samples_kept: usize,
    metrics: &SharedNames,
    plan: &mut Plan,
) -> Result<Vec<ColumnSource>, String> {
    let metric =
        |name: &str| metrics.number(name).map(MetricId).map_err(|full| format!("metric {name:?}: {full}"));
    let mut columns = Vec::with_capacity(declared.len());
    for input in declared {
        let input = match input {
            contract::Input::Latest(name) => Input::Latest(metric(name)?),
            contract::Input::Over(windowed) => {
                Input::Over(window(windowed, samples_kept, metric(&windowed.metric)?)?)
            }
            contract::Input::Equals(test) => {
                Input::Equals(metric(&test.metric)?, test.literal.as_str().into())
            }
            contract::Input::Heartbeat(fact) => Input::Heartbeat(match fact {
                contract::Heartbeat::SilenceS => Fact::SilenceS,
                contract::Heartbeat::ExpectedIntervalS => Fact::ExpectedIntervalS,
                contract::Heartbeat::SilenceLimitS => Fact::SilenceLimitS,
                contract::Heartbeat::LatenessS => Fact::LatenessS,
                contract::Heartbeat::Suspicion => Fact::Suspicion,
                contract::Heartbeat::Alive => Fact::Alive,
            }),
            contract::Input::Timestamp => Input::Timestamp,
            contract::Input::Parameter(name) => {
                let place = parameters.iter().position(|parameter| parameter.name == *name);
                let place = place.ok_or_else(|| format!("input parameter {name:?} is not declared"))?;
                columns.push(ColumnSource::Parameter(place));
                continue;
            }
        };
        columns.push(ColumnSource::Plan(plan.column(&input)));
    }
    Ok(columns)
}

fn window(windowed: &contract::Windowed, samples_kept: usize, metric: MetricId) -> Result<Windowed, String> {
    let (span, offset) = (extent(windowed.span)?, extent(windowed.offset)?);
    if matches!(span, Extent::Samples(0) | Extent::Millis(0)) {
        return Err(format!("the window over {} is empty", windowed.metric));
    }
    let samples = |extent: Extent| match extent {
        Extent::Samples(samples) => samples as usize,
        Extent::Millis(_) => 0,
    };
    let reach = samples(span).saturating_add(samples(offset));
    if reach > samples_kept {
        let name = &windowed.metric;
        return Err(format!(
            "the window over {name} reaches {reach} samples back, {samples_kept} are kept (history.max_data_points)"
        ));
    }
    let aggregate = match windowed.aggregate {
        contract::Aggregate::Count => Aggregate::Count,
        contract::Aggregate::Sum => Aggregate::Sum,
        contract::Aggregate::Mean => Aggregate::Mean,
        contract::Aggregate::Std => Aggregate::Std,
        contract::Aggregate::Min => Aggregate::Min,
        contract::Aggregate::Max => Aggregate::Max,
    };
    Ok(Windowed { metric, aggregate, span, offset })
}

fn extent(extent: contract::Extent) -> Result<Extent, String> {
    const SECONDS_MAX: f64 = 49.0 * 86_400.0;
    match extent {
        contract::Extent::Samples(samples) => Ok(Extent::Samples(samples)),
        contract::Extent::Seconds(seconds) if (0.0..=SECONDS_MAX).contains(&seconds) => {
            Ok(Extent::Millis((seconds * 1e3).round() as u64))
        }
        contract::Extent::Seconds(seconds) => {
            Err(format!("a window of {seconds} s, from 0 to {SECONDS_MAX} is allowed"))
        }
    }
}
