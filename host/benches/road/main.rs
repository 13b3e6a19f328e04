//! What the road of a sample costs, each figure beside the limit it is held to and, where there is one, beside the same
//! work in native Rust. Prints a table and writes `target/bench.json`.
//!
//! Rates are per second of CPU time over all threads, training included: what one core can do. Linux only, because that
//! is where a process can read its own CPU time without help.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

mod cpu;
mod fleet;
mod host;
mod rule;
mod scale;
mod whole;

use std::path::Path;

use serde_json::{Value, json};

/// One line of the table.
struct Figure {
    what: &'static str,
    value: f64,
    unit: &'static str,
    /// The figure's limit, and whether more is better.
    limit: Option<(f64, bool)>,
}

impl Figure {
    fn print(&self) {
        let Self { what, value, unit, limit } = self;
        let verdict = match limit {
            None => String::new(),
            Some((limit, more)) => {
                let met = if *more { value >= limit } else { value <= limit };
                let sign = if *more { "≥" } else { "≤" };
                format!("{sign} {limit:.0} {}", if met { "met" } else { "NOT MET" })
            }
        };
        println!("{what:<64} {value:>14.1} {unit:<12} {verdict}");
    }
}

fn main() -> anyhow::Result<()> {
    let sandbox = host::sandbox()?;
    let mut figures = Vec::new();
    let mut add = |figure: Figure| {
        figure.print();
        figures.push(figure);
    };
    let rule = rule::component_against_native(&sandbox)?;
    add(Figure {
        what: "rule component, 1,024 rows",
        value: rule.component_ns,
        unit: "ns/sample",
        limit: Some((12.0, false)),
    });
    add(Figure {
        what: "the same rule in native Rust",
        value: rule.native_ns,
        unit: "ns/sample",
        limit: None,
    });
    add(Figure {
        what: "component against native",
        value: rule.component_ns / rule.native_ns,
        unit: "times",
        limit: Some((4.0, false)),
    });
    let rules = host::default_rules(&sandbox)?;
    add(Figure {
        what: "five default rules, 10,000 systems, decoded",
        value: rules.rate,
        unit: "samples/s",
        limit: Some((1e6, true)),
    });
    add(Figure {
        what: "memory of a system with 1,000 samples of nine metrics",
        value: rules.bytes_per_system,
        unit: "bytes",
        limit: Some((80e3, false)),
    });
    let scored = host::rules_and_scorers(&sandbox)?;
    add(Figure {
        what: "the same and three scorers",
        value: scored.rate,
        unit: "samples/s",
        limit: Some((250e3, true)),
    });
    let whole = whole::ndjson_to_detections()?;
    add(Figure {
        what: "NDJSON file to detections, everything included",
        value: whole.rate,
        unit: "samples/s",
        limit: Some((200e3, true)),
    });

    let by_rules = scale::by_rules(&sandbox)?;
    let by_systems = scale::by_systems(&sandbox)?;
    let by_window = scale::by_window();
    for (title, points) in [("rules", &by_rules), ("systems", &by_systems), ("window length", &by_window)] {
        println!("\ncost by {title}");
        for (x, ns) in points {
            println!("{x:>10} {ns:>12.1} ns/sample");
        }
    }
    let curve = |points: &[(usize, f64)]| -> Value {
        points.iter().map(|(x, ns)| json!({ "x": x, "ns_per_sample": ns })).collect()
    };
    let table: Vec<Value> = figures
        .iter()
        .map(|figure| json!({ "what": figure.what, "value": figure.value, "unit": figure.unit, "limit": figure.limit.map(|l| l.0) }))
        .collect();
    let json = json!({
        "figures": table,
        "cost_by_rules": curve(&by_rules),
        "cost_by_systems": curve(&by_systems),
        "cost_by_window": curve(&by_window),
    });
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench.json");
    std::fs::write(&file, serde_json::to_string_pretty(&json)? + "\n")?;
    Ok(())
}
