//! A Pareto plot as SVG.

use plotters::prelude::*;
use thiserror::Error;

use super::detector::Family;
use super::pareto::Frontier;
use super::sweep::Curve;

/// A plot that could not be drawn.
#[derive(Debug, Error)]
#[error("the plot could not be drawn: {0}")]
pub struct PlotError(String);

/// Draws curves of one model: mean detection time against mistakes a week, both in logarithms, as far as the mistakes are
/// more than chance. Returns the SVG.
///
/// # Errors
/// What the drawing library says.
pub(super) fn plot(title: &str, curves: &[Curve]) -> Result<String, PlotError> {
    let mut svg = String::new();
    draw(title, curves, &mut svg).map_err(|error| PlotError(error.to_string()))?;
    Ok(svg)
}

fn draw(title: &str, curves: &[Curve], svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let frontiers: Vec<(Family, Frontier)> =
        curves.iter().map(|curve| (curve.family, Frontier::of(curve))).collect();
    let all = || frontiers.iter().flat_map(|(_, frontier)| &frontier.0);
    let bounds = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)))
    };
    let (least_s, most_s) = bounds(&mut all().map(|point| point.0));
    let (least, most) = bounds(&mut all().map(|point| point.1));
    let root = SVGBackend::with_string(svg, (900, 560)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(70)
        .build_cartesian_2d((least_s..most_s * 1.1).log_scale(), (least / 1.5..most * 1.5).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("mean detection time, s")
        .y_desc("mistakes a week and system")
        .x_label_formatter(&|s| format!("{s:.1}"))
        .light_line_style(WHITE)
        .draw()?;
    for (family, frontier) in frontiers {
        let colour = colour(family);
        let width = if family == Family::Lapwing { 3 } else { 1 };
        chart
            .draw_series(LineSeries::new(frontier.0, colour.stroke_width(width)).point_size(width))?
            .label(family.name())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(width)));
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).draw()?;
    drop(chart);
    root.present()?;
    Ok(())
}

fn colour(family: Family) -> RGBColor {
    match family {
        Family::Lapwing => RGBColor(200, 30, 60),
        Family::Chen => RGBColor(30, 90, 180),
        Family::Fixed => RGBColor(110, 110, 110),
        Family::PhiNormal => RGBColor(20, 140, 90),
        Family::PhiExponential => RGBColor(150, 190, 40),
        Family::Bertier => RGBColor(230, 140, 20),
    }
}
