//! The plots under docs/, from what the benchmarks measured.

use std::path::Path;

use anyhow::{Context, Result};
use plotters::prelude::*;
use serde_json::Value;

const SIZE: (u32, u32) = (720, 360);

/// One line of points.
struct Curve {
    /// The key of the list in the measurements.
    key: &'static str,
    title: &'static str,
    x: &'static str,
    file: &'static str,
}

const CURVES: [Curve; 3] = [
    Curve { key: "cost_by_rules", title: "Cost by number of rules", x: "rules", file: "cost-by-rules.svg" },
    Curve {
        key: "cost_by_systems",
        title: "Cost by number of systems",
        x: "systems",
        file: "cost-by-systems.svg",
    },
    Curve { key: "cost_by_window", title: "Cost by window length", x: "samples", file: "cost-by-window.svg" },
];

/// Draws every curve of `measurements` into the folder `docs`.
pub(crate) fn draw(measurements: &Path, docs: &Path) -> Result<()> {
    let text = std::fs::read_to_string(measurements).with_context(|| measurements.display().to_string())?;
    let json: Value = serde_json::from_str(&text)?;
    for curve in &CURVES {
        let points =
            json[curve.key].as_array().with_context(|| format!("no {} in the measurements", curve.key))?;
        let points: Vec<(f64, f64)> = points
            .iter()
            .filter_map(|point| Some((point["x"].as_f64()?, point["ns_per_sample"].as_f64()?)))
            .collect();
        plot(curve, &points, &docs.join(curve.file)).with_context(|| curve.file.to_owned())?;
    }
    Ok(())
}

fn plot(curve: &Curve, points: &[(f64, f64)], file: &Path) -> Result<()> {
    let bounds = |axis: fn(&(f64, f64)) -> f64| {
        let values = points.iter().map(axis);
        (values.clone().fold(f64::INFINITY, f64::min), values.fold(0.0, f64::max))
    };
    let ((x_min, x_max), (y_min, y_max)) = (bounds(|point| point.0), bounds(|point| point.1));
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(curve.title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d((x_min..x_max).log_scale(), (y_min * 0.5..y_max * 2.0).log_scale())?;
    chart.configure_mesh().x_desc(curve.x).y_desc("ns a sample").draw()?;
    chart.draw_series(LineSeries::new(points.iter().copied(), &BLUE))?;
    chart.draw_series(PointSeries::<_, _, Circle<_, _>, _>::new(points.iter().copied(), 4, BLUE.filled()))?;
    area.present()?;
    Ok(())
}
