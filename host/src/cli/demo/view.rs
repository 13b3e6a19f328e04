//! Draws the board: a header, the metrics, [what was found](super::findings), and the keys.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, RenderDirection, Sparkline};

use super::board::{Board, SECONDS_SHOWN};
use super::fault::Fault;
use super::findings;
use super::sample::Health;
use super::words::{SHOWN, Shown, duration, time_of_day};

/// From so many lines on, metrics and rules get two each.
const TALL_LINES: u16 = 36;
const LABEL_COLUMNS: u16 = 12;
const VALUE_COLUMNS: u16 = 11;
/// A sparkline's steps; it counts in whole numbers.
const SPARK_STEPS: f64 = 1000.0;

pub(super) const QUIET: Style = Style::new().add_modifier(Modifier::DIM);
pub(super) const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, board: &Board) {
    let lines_each = if frame.area().height >= TALL_LINES { 2 } else { 1 };
    let middle_lines = 1 + SHOWN.len() as u16 * lines_each;
    let rows =
        [Constraint::Length(2), Constraint::Length(middle_lines), Constraint::Min(3), Constraint::Length(1)];
    let [header, middle, detections, footer] = Layout::vertical(rows).areas(frame.area());
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(48), Constraint::Fill(1)]).spacing(1).areas(middle);
    draw_header(frame, header, board);
    draw_metrics(frame, left, board, lines_each);
    findings::draw_rules_and_scores(frame, right, board, lines_each);
    findings::draw_detections(frame, detections, board);
    draw_footer(frame, footer, board);
}

/// A titled rule above an area; gives back what is below it.
pub(super) fn section(frame: &mut Frame<'_>, area: Rect, title: Line<'_>) -> Rect {
    let block = Block::new().borders(Borders::TOP).border_style(QUIET).title(title);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    inside
}

fn draw_header(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let identity = &board.identity;
    let first = Line::from(vec![
        Span::styled(" lapwing demo ", STRONG.add_modifier(Modifier::REVERSED)),
        Span::raw(" watching "),
        Span::styled(identity.host_name.as_str(), STRONG),
        Span::styled(
            format!(
                "  {} · {} cores · {:.0} GB",
                identity.os,
                identity.cores,
                identity.memory_bytes as f64 / 1e9
            ),
            QUIET,
        ),
    ]);
    let ran = duration(board.now.seconds_since(board.began));
    let second = format!(
        " {} samples in {ran} · judged by WebAssembly components · {} UTC",
        board.samples_sent,
        time_of_day(board.now)
    );
    frame.render_widget(first, Rect { height: 1, ..area });
    frame.render_widget(
        Line::styled(second, QUIET),
        Rect { y: area.y + 1, height: area.height.min(1), ..area },
    );
}

fn draw_metrics(frame: &mut Frame<'_>, area: Rect, board: &Board, lines_each: u16) {
    let title = match board.last_sample() {
        Some((sample, 0)) => Line::from(vec![
            Span::raw(" this machine: "),
            Span::styled(sample.health.word(), health_style(sample.health)),
            Span::raw(" "),
        ]),
        Some((_, age)) => {
            Line::styled(format!(" this machine: no sample for {age} s "), STRONG.fg(Color::Red))
        }
        None => Line::raw(" this machine: no sample "),
    };
    let inside = section(frame, area, title);
    let rows = Layout::vertical([Constraint::Length(lines_each)].repeat(SHOWN.len())).split(inside);
    for (shown, &row) in SHOWN.iter().zip(rows.iter()) {
        draw_metric(frame, row, board, shown);
    }
}

fn draw_metric(frame: &mut Frame<'_>, area: Rect, board: &Board, shown: &Shown) {
    let columns = [Constraint::Length(LABEL_COLUMNS), Constraint::Length(VALUE_COLUMNS), Constraint::Fill(1)];
    let [label, value, spark] = Layout::horizontal(columns).areas(area);
    let latest = board.seconds.front().and_then(Option::as_ref).and_then(shown.of);
    frame.render_widget(Span::raw(format!(" {}", shown.label)), label);
    frame.render_widget(Line::styled(format!("{} ", shown.text(latest)), STRONG).right_aligned(), value);
    let values: Vec<Option<f64>> = (board.seconds.iter().take(usize::from(spark.width).min(SECONDS_SHOWN)))
        .map(|slot| slot.as_ref().and_then(shown.of))
        .collect();
    let highest = values.iter().flatten().copied().fold(0.0, f64::max);
    let full = shown.full().unwrap_or(highest).max(f64::MIN_POSITIVE);
    let steps = |value: f64| (value / full * SPARK_STEPS).clamp(0.0, SPARK_STEPS) as u64;
    let sparkline = Sparkline::default()
        .data(values.into_iter().map(|value| value.map(steps)).collect::<Vec<_>>())
        .max(SPARK_STEPS as u64)
        .direction(RenderDirection::RightToLeft)
        .absent_value_symbol("·")
        .absent_value_style(QUIET)
        .style(Color::Cyan);
    frame.render_widget(sparkline, spark);
}

fn draw_footer(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let mut keys = Line::default();
    for fault in Fault::ALL {
        let (text, style) = if board.faults.has(fault) {
            (
                format!(" [{}] {} ON ", fault.key(), fault.label()),
                STRONG.fg(Color::Red).add_modifier(Modifier::REVERSED),
            )
        } else {
            (format!(" [{}] {} ", fault.key(), fault.label()), Style::new())
        };
        keys.push_span(Span::styled(text, style));
        keys.push_span(" ");
    }
    let quit = "[q] quit ";
    let [left, right] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(quit.len() as u16)]).areas(area);
    frame.render_widget(keys, left);
    frame.render_widget(quit, right);
}

fn health_style(health: Health) -> Style {
    match health {
        Health::Healthy => STRONG.fg(Color::Green),
        Health::Degraded => STRONG.fg(Color::Yellow),
        Health::Unhealthy => STRONG.fg(Color::Red),
        Health::Unknown => STRONG,
    }
}
