//! Laws of windows: what slides along must equal what is computed from all rows, whatever comes in.

use proptest::prelude::*;

use super::input::{Aggregate, Extent};
use super::ring::Ring;
use super::window::{Kind, Track, TrackSpec};
use crate::time::Millis;

const KEPT: usize = 50;

fn extent() -> impl Strategy<Value = Extent> {
    prop_oneof![(1_u32..40).prop_map(Extent::Samples), (1_u64..60_000).prop_map(Extent::Millis)]
}

fn offset() -> impl Strategy<Value = Extent> {
    prop_oneof![
        Just(Extent::Samples(0)),
        Just(Extent::Millis(0)),
        (1_u32..10).prop_map(Extent::Samples),
        (1_u64..20_000).prop_map(Extent::Millis),
    ]
}

/// A value, sometimes missing, sometimes so large that it takes a sum's precision along.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![8 => -1e3..1e3, 1 => Just(f64::NAN), 1 => Just(1e18)]
}

fn rows() -> impl Strategy<Value = Vec<(i64, f64)>> {
    prop::collection::vec((1_i64..5000, value()), 1..300)
}

/// The aggregate by definition, from the rows of the window.
fn by_definition(aggregate: Aggregate, values: &[f64]) -> f64 {
    let known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    let count = known.len() as f64;
    let mean = known.iter().sum::<f64>() / count;
    match aggregate {
        Aggregate::Count => count,
        _ if known.is_empty() => f64::NAN,
        Aggregate::Sum => mean * count,
        Aggregate::Mean => mean,
        Aggregate::Std => (known.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt(),
        Aggregate::Min => known.iter().copied().fold(f64::INFINITY, f64::min),
        Aggregate::Max => known.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    }
}

/// The rows of the window as of the last of `rows`, by the words of the contract.
fn window(rows: &[(Millis, f64)], span: Extent, offset: Extent) -> Vec<f64> {
    let kept = &rows[rows.len().saturating_sub(KEPT)..];
    let now = kept[kept.len() - 1].0;
    let ended: Vec<(Millis, f64)> = match offset {
        Extent::Samples(samples) => kept[..kept.len().saturating_sub(samples as usize)].to_vec(),
        Extent::Millis(ms) => kept.iter().copied().filter(|(time, _)| time.0 <= now.0 - ms as i64).collect(),
    };
    let last = match offset {
        Extent::Millis(ms) => now.0 - ms as i64,
        Extent::Samples(_) => ended.last().map_or(now.0, |(time, _)| time.0),
    };
    let within: Vec<(Millis, f64)> = match span {
        Extent::Samples(samples) => ended[ended.len().saturating_sub(samples as usize)..].to_vec(),
        Extent::Millis(ms) => ended.into_iter().filter(|(time, _)| time.0 > last - ms as i64).collect(),
    };
    within.into_iter().map(|(_, value)| value).collect()
}

fn close(a: f64, b: f64, scale: f64) -> bool {
    a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-6 * scale.max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sliding_window_equals_its_definition(rows in rows(), span in extent(), offset in offset()) {
        let kinds = [
            (Kind::Sum, &[Aggregate::Count, Aggregate::Sum, Aggregate::Mean][..]),
            (Kind::Moments, &[Aggregate::Std][..]),
            (Kind::Min, &[Aggregate::Min][..]),
            (Kind::Max, &[Aggregate::Max][..]),
        ];
        for (kind, aggregates) in kinds {
            let spec = TrackSpec { metric: 0, span, offset, kind };
            let mut ring = Ring::new(KEPT, 1);
            let mut track = Track::new(kind, 7);
            let mut seen: Vec<(Millis, f64)> = Vec::new();
            for &(step, value) in &rows {
                let time = Millis(seen.last().map_or(0, |(time, _)| time.0) + step);
                seen.push((time, value));
                ring.push(time, &[value]);
                track.slide(&spec, &ring, Some(0), ring.end());
                let scanned = Track::scanned(&spec, &ring, Some(0), ring.end());
                let values = window(&seen, span, offset);
                // An 1e18 beside a small value costs the small one its digits, in any order of adding.
                let scale = values.iter().filter(|v| !v.is_nan()).fold(0.0_f64, |most, v| most.max(v.abs()));
                for &aggregate in aggregates {
                    let expected = by_definition(aggregate, &values);
                    let slid = track.value(aggregate, &ring, Some(0));
                    prop_assert!(
                        close(slid, expected, scale * 50.0),
                        "{:?} slid to {}, is {} of {:?}", aggregate, slid, expected, values
                    );
                    let scanned = scanned.value(aggregate, &ring, Some(0));
                    prop_assert!(
                        close(scanned, expected, scale * 50.0),
                        "{:?} scanned as {}, is {}", aggregate, scanned, expected
                    );
                }
            }
        }
    }

    #[test]
    fn a_late_row_takes_its_place(steps in prop::collection::vec(1_i64..1000, 2..120), late in 0_usize..30) {
        let mut times: Vec<i64> = steps.iter().scan(0, |now, step| { *now += step * 2; Some(*now) }).collect();
        let mut ring = Ring::new(KEPT, 1);
        for &time in &times {
            ring.push(Millis(time), &[time as f64]);
        }
        let newest_kept = times.len().min(KEPT);
        let behind = times[times.len() - 1 - late.min(newest_kept - 1)];
        let time = behind - 1;
        ring.insert(Millis(time), &[time as f64]);
        times.push(time);
        times.sort_unstable();
        let kept: Vec<i64> = (ring.begin()..ring.end()).map(|row| ring.time(row).0).collect();
        prop_assert_eq!(&kept[..], &times[times.len() - kept.len()..]);
        for row in ring.begin()..ring.end() {
            prop_assert_eq!(ring.row(row)[0], ring.time(row).0 as f64);
        }
    }
}
