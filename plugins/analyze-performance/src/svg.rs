//! A small picture of what moved. Its colours are of middle lightness: they can be read on white and on black.

use lapwing_sdk::action::time_of_day;

use crate::movement::{Movement, figure};

/// Metrics in the picture.
const ROWS_MAX: usize = 6;
/// Samples in it at least, where there are so many; more if the change is older.
const SAMPLES_SHOWN: usize = 120;
/// Samples shown before a change.
const SAMPLES_BEFORE: usize = 30;
/// Points of one line; longer ones are thinned.
const POINTS_MAX: usize = 300;

const WIDTH: f64 = 640.0;
const LEFT: f64 = 16.0;
const RIGHT: f64 = 624.0;
const ROW: f64 = 62.0;
const LABEL: f64 = 18.0;
const CHART: f64 = 34.0;

const INK: &str = "#787878";
const LINE: &str = "#2f86c9";
const MARK: &str = "#d9582b";

/// Draws the metrics in the order given, at most six.
#[must_use]
pub(crate) fn draw(title: &str, movements: &[&Movement]) -> String {
    let rows = &movements[..movements.len().min(ROWS_MAX)];
    let shown: Vec<&[(f64, f64)]> = rows.iter().map(|movement| shown(movement)).collect();
    let begin = shown.iter().filter_map(|points| points.first()).map(|p| p.0).fold(f64::INFINITY, f64::min);
    let end = shown.iter().filter_map(|points| points.last()).map(|p| p.0).fold(f64::NEG_INFINITY, f64::max);
    let x = |time: f64| LEFT + (RIGHT - LEFT) * ((time - begin) / (end - begin).max(1e-3)).clamp(0.0, 1.0);
    let height = 8.0 + ROW * rows.len() as f64 + 24.0;

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"{INK}\">\n<title>{}</title>\n",
        escape(title)
    );
    for (row, (movement, points)) in rows.iter().zip(&shown).enumerate() {
        sparkline(&mut svg, movement, points, 8.0 + ROW * row as f64, &x);
    }
    if !rows.is_empty() {
        axis(&mut svg, begin, end, height - 24.0, &x);
    }
    svg.push_str("</svg>\n");
    svg
}

fn sparkline(
    svg: &mut String,
    movement: &Movement,
    points: &[(f64, f64)],
    top: f64,
    x: &impl Fn(f64) -> f64,
) {
    let values = || points.iter().map(|&(_, value)| value).chain([movement.baseline]);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let bottom = top + LABEL + CHART;
    let y = |value: f64| match high - low {
        height if height > 0.0 => bottom - CHART * (value - low) / height,
        _ => bottom - CHART / 2.0,
    };
    let name: String = movement.metric.chars().take(60).collect();
    let (from, to) = (figure(movement.baseline), figure(movement.recent));
    element(
        svg,
        &format!("<text x=\"{LEFT}\" y=\"{:.1}\" font-weight=\"600\">{}</text>", top + 12.0, escape(&name)),
    );
    element(
        svg,
        &format!("<text x=\"{RIGHT}\" y=\"{:.1}\" text-anchor=\"end\">{from} → {to}</text>", top + 12.0),
    );
    element(
        svg,
        &format!(
            "<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{0:.1}\" y2=\"{0:.1}\" stroke=\"{INK}\" stroke-dasharray=\"2 4\"/>",
            y(movement.baseline)
        ),
    );
    let step = points.len().div_ceil(POINTS_MAX).max(1);
    let line: Vec<String> = points
        .iter()
        .rev()
        .step_by(step)
        .map(|&(time, value)| format!("{:.1},{:.1}", x(time), y(value)))
        .collect();
    let line = line.join(" ");
    element(
        svg,
        &format!("<polyline fill=\"none\" stroke=\"{LINE}\" stroke-width=\"1.5\" points=\"{line}\"/>"),
    );
    if let Some(at) = movement.changed_at() {
        element(
            svg,
            &format!(
                "<line class=\"change\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{1:.1}\" y2=\"{bottom:.1}\" \
             stroke=\"{MARK}\" stroke-width=\"1.5\"/>",
                x(at),
                top + LABEL
            ),
        );
    }
}

fn axis(svg: &mut String, begin: f64, end: f64, top: f64, x: &impl Fn(f64) -> f64) {
    element(
        svg,
        &format!("<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{top:.1}\" y2=\"{top:.1}\" stroke=\"{INK}\"/>"),
    );
    for (part, anchor) in [(0.0, "start"), (1.0, "middle"), (2.0, "middle"), (3.0, "middle"), (4.0, "end")] {
        let time = begin + (end - begin) * part / 4.0;
        let (place, below, text) =
            (x(begin + (end - begin).max(1e-3) * part / 4.0), top + 16.0, time_of_day(time));
        element(
            svg,
            &format!("<text x=\"{place:.1}\" y=\"{below:.1}\" text-anchor=\"{anchor}\">{text}</text>"),
        );
    }
}

fn element(svg: &mut String, element: &str) {
    svg.push_str(element);
    svg.push('\n');
}

/// The last samples, from some before the change on.
fn shown(movement: &Movement) -> &[(f64, f64)] {
    let points = &movement.points;
    let newest = points.len().saturating_sub(SAMPLES_SHOWN);
    &points[movement.changed.map_or(newest, |changed| newest.min(changed.saturating_sub(SAMPLES_BEFORE)))..]
}

fn escape(text: &str) -> String {
    let sound = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text.chars().map(sound).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance by WCAG 2.
    fn luminance(color: &str) -> f64 {
        let part = |place: usize| {
            let value = f64::from(u8::from_str_radix(&color[place..place + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn it_can_be_read_on_dark_and_on_light() {
        for ground in ["#ffffff", "#121212"] {
            assert!(contrast(INK, ground) >= 4.2, "{} on {ground}", contrast(INK, ground));
            assert!(contrast(LINE, ground) >= 3.0 && contrast(MARK, ground) >= 3.0, "{ground}");
        }
    }

    #[test]
    fn names_are_escaped_and_an_empty_picture_is_one() {
        let svg = draw("<a & \"b\">\u{1}", &[]);
        assert!(svg.contains("<title>&lt;a &amp; &quot;b&quot;&gt; </title>") && svg.ends_with("</svg>\n"));
        assert!(!svg.contains("inf") && !svg.contains("NaN"));
    }
}
