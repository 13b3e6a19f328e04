//! Draws what was found: the rules and where they stand, the anomaly scores, the detections.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::board::{Board, RuleLine};
use super::view::{QUIET, STRONG, section};
use super::words::{detections, duration, severity, time_of_day, wrapped};
use crate::detections::Detection;
use crate::model::Severity;

/// A score's bar.
const BAR_COLUMNS: usize = 8;
/// Where descriptions of detections begin: under the severity.
const INDENT: usize = 10;
/// From here on, a score is unusual.
const UNUSUAL_SCORE: f64 = 0.5;

/// Draws the rules, and the scores below them.
pub(super) fn draw_rules_and_scores(frame: &mut Frame<'_>, area: Rect, board: &Board, lines_each: u16) {
    // A title, the scorers and their sum.
    let score_lines = board.scorers.len() as u16 + 2;
    let [rules, scores] = Layout::vertical([Constraint::Min(2), Constraint::Length(score_lines)]).areas(area);
    draw_rules(frame, rules, board, lines_each);
    draw_scores(frame, scores, board);
}

fn draw_rules(frame: &mut Frame<'_>, area: Rect, board: &Board, lines_each: u16) {
    let title = format!(" {} rules, {} open ", board.rules.len(), board.open_count());
    let inside = section(frame, area, Line::raw(title));
    let room = usize::from(inside.height / lines_each);
    let mut rules: Vec<&RuleLine> = board.rules.iter().collect();
    if rules.len() > room {
        rules.sort_by_key(|rule| board.open_detection(&rule.rule_id).is_none());
    }
    let mut lines = Vec::new();
    for rule in rules.into_iter().take(room) {
        lines.push(rule_line(board, rule));
        if lines_each > 1 {
            lines.push(Line::styled(cut(format!("   {}", rule.description), inside.width), QUIET));
        }
    }
    frame.render_widget(Paragraph::new(lines), inside);
}

fn rule_line<'a>(board: &Board, rule: &'a RuleLine) -> Line<'a> {
    let id = Span::raw(format!(" {:<23} ", rule.rule_id));
    let state = match board.open_detection(&rule.rule_id) {
        Some(open) => {
            let text = format!("OPEN {}", duration(board.lasted_s(open)));
            Span::styled(text, severity_style(rule.severity))
        }
        None if rule.opened > 0 => Span::raw(format!("armed, fired {}x", rule.opened)),
        None => Span::styled("armed", QUIET),
    };
    Line::from(vec![id, state])
}

fn draw_scores(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let inside = section(frame, area, Line::raw(" anomaly scores, 0 usual to 1 unusual "));
    if board.scorers.is_empty() {
        frame.render_widget(Line::styled(" no scorers in force", QUIET), inside);
        return;
    }
    let mut lines: Vec<Line<'_>> =
        board.scorers.iter().map(|line| score_line(board, &line.scorer_id, line.score)).collect();
    lines.push(score_line(board, "combined", board.combined_score).style(STRONG));
    frame.render_widget(Paragraph::new(lines), inside);
}

fn score_line<'a>(board: &Board, name: &str, score: Option<f64>) -> Line<'a> {
    let name = Span::raw(format!(" {name:<17} "));
    let Some(score) = score else {
        let learned = board.samples_sent.min(board.learned_from);
        let text = match board.learned() {
            true => "cannot say".to_owned(),
            false => format!("learning {learned}/{}", board.learned_from),
        };
        return Line::from(vec![name, Span::styled(text, QUIET)]);
    };
    let filled = (score.clamp(0.0, 1.0) * BAR_COLUMNS as f64).round() as usize;
    let colour = if score >= UNUSUAL_SCORE { Color::Yellow } else { Color::Cyan };
    Line::from(vec![
        name,
        Span::raw(format!("{score:.2} ")),
        Span::styled("█".repeat(filled), colour),
        Span::styled("░".repeat(BAR_COLUMNS - filled), QUIET),
    ])
}

/// Draws the detections, newest first.
pub(super) fn draw_detections(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let title = vec![
        Span::raw(format!(" {} ", detections(board.opened))),
        Span::styled("time, severity, confidence, rule, state ", QUIET),
    ];
    let inside = section(frame, area, Line::from(title));
    if board.detections.is_empty() {
        let hint = " None so far. Inject a fault with one of the keys below and see who notices.";
        frame.render_widget(Line::styled(hint, QUIET), inside);
        return;
    }
    let lines = board.detections.iter().flat_map(|detection| detection_lines(board, detection, inside.width));
    let fit: Vec<Line<'_>> = lines.take(usize::from(inside.height)).collect();
    frame.render_widget(Paragraph::new(fit), inside);
}

fn detection_lines(board: &Board, detection: &Detection, width: u16) -> Vec<Line<'static>> {
    let lasted = duration(board.lasted_s(detection));
    let (state, style) = match detection.resolved_at {
        Some(_) => (format!("resolved after {lasted}"), Style::new()),
        None => (format!("OPEN for {lasted}"), STRONG),
    };
    let again = match detection.reopened {
        0 => String::new(),
        times => format!(", came back {times}x"),
    };
    let first = Line::from(vec![
        Span::raw(format!(" {} ", time_of_day(detection.timestamp))),
        Span::styled(format!("{:<8}", severity(detection.severity)), severity_style(detection.severity)),
        Span::raw(format!(" {:.2} ", detection.confidence)),
        Span::styled(format!(" {:<24} ", detection.rule_id), style),
        Span::styled(format!("{state}{again}"), style),
    ]);
    let described = wrapped(&detection.description, usize::from(width).saturating_sub(INDENT));
    let described = described.into_iter().map(|line| Line::raw(format!("{:INDENT$}{line}", "")));
    std::iter::once(first).chain(described).collect()
}

/// As much of a text as fits, marked if that is not all.
fn cut(mut text: String, width: u16) -> String {
    if let Some((last, _)) = text.char_indices().nth(usize::from(width).saturating_sub(1))
        && text.chars().count() > usize::from(width)
    {
        text.truncate(last);
        text.push('…');
    }
    text
}

fn severity_style(severity: Severity) -> Style {
    STRONG.fg(match severity {
        Severity::Low => Color::Cyan,
        Severity::Medium => Color::Yellow,
        Severity::High => Color::Red,
        Severity::Critical => Color::Magenta,
    })
}
