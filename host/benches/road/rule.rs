//! A rule component against the same rule compiled to native code.

use std::hint::black_box;
use std::time::Instant;

use lapwing::sandbox::Sandbox;
use lapwing_data_inconsistency::DataInconsistency;
use lapwing_sdk::BatchRule;

use crate::cpu::median;

const ROWS: usize = 1024;
const CALLS: usize = 2000;

/// Nanoseconds a sample.
pub(crate) struct Costs {
    pub(crate) component_ns: f64,
    pub(crate) native_ns: f64,
}

/// Three conditions over three columns and three parameters; one row in a hundred matches.
pub(crate) fn component_against_native(sandbox: &Sandbox) -> anyhow::Result<Costs> {
    let columns = columns();
    let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let name = "data_inconsistency";
    let component =
        lapwing_bundle::COMPONENTS.iter().find(|(known, _)| *known == name).map(|(_, bytes)| *bytes);
    let plugin = sandbox.load(name, component.unwrap_or_default())?;
    let (mut instance, _) = plugin.rule("{}")?;
    let native = DataInconsistency {};

    let expected = BatchRule::evaluate(&native, &columns, ROWS).map_err(anyhow::Error::msg)?.matched;
    anyhow::ensure!(instance.evaluate(&slices, ROWS)?.matched == expected, "component and native disagree");

    let per_sample = |started: Instant| started.elapsed().as_nanos() as f64 / (CALLS * ROWS) as f64;
    // In turns, so that a machine that slows down slows both.
    let mut native_ns = Vec::new();
    let component_ns = median(9, || {
        let started = Instant::now();
        for _ in 0..CALLS {
            drop(black_box(BatchRule::evaluate(&native, black_box(&columns), ROWS)));
        }
        native_ns.push(per_sample(started));
        let started = Instant::now();
        for _ in 0..CALLS {
            drop(black_box(instance.evaluate(black_box(&slices), ROWS)));
        }
        per_sample(started)
    });
    let mut turns = native_ns.into_iter();
    Ok(Costs { component_ns, native_ns: median(9, || turns.next().unwrap_or(f64::NAN)) })
}

fn columns() -> Vec<Vec<f64>> {
    let bad = |row: usize| row % 100 == 7;
    let column = |good: f64, wrong: f64| (0..ROWS).map(|row| if bad(row) { wrong } else { good }).collect();
    vec![
        column(0.99, 0.5),
        column(40.0, 5000.0),
        column(0.0, 3.0),
        vec![0.8; ROWS],
        vec![1000.0; ROWS],
        vec![1.0; ROWS],
    ]
}
