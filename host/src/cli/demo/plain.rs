//! The display for logs and pipes: a line a second, and a line for everything that happens.

use std::io::{self, Write};
use std::time::Instant;

use anyhow::Result;

use super::board::Board;
use super::fault::{Fault, FaultSet};
use super::words::{SHOWN, detections, duration, severity, time_of_day};
use super::{Display, Wish};
use crate::detections::{Detection, Event, EventKind};

/// Columns of the line a second: the first ones of those shown.
const COLUMNS: usize = 7;

/// What has been printed.
#[derive(Default)]
pub(super) struct Plain {
    seconds: u64,
    faults: FaultSet,
}

impl Display for Plain {
    fn show(&mut self, board: &Board, events: &[Event]) -> Result<()> {
        let mut out = io::stdout().lock();
        self.faults(&mut out, board)?;
        for event in events {
            writeln!(out, "{}", event_line(board, event))?;
        }
        if board.seconds_seen > self.seconds {
            self.seconds = board.seconds_seen;
            writeln!(out, "{}", second_line(board))?;
        }
        Ok(out.flush()?)
    }

    fn wish(&mut self, until: Instant) -> Result<Option<Wish>> {
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
        Ok(None)
    }
}

impl Plain {
    fn faults(&mut self, out: &mut impl Write, board: &Board) -> io::Result<()> {
        for fault in Fault::ALL {
            let on = board.faults.has(fault);
            if on != self.faults.has(fault) {
                let turned = if on { "on" } else { "off" };
                writeln!(out, "{} FAULT      {} {turned}", time_of_day(board.now), fault.label())?;
            }
        }
        self.faults = board.faults;
        Ok(())
    }
}

fn second_line(board: &Board) -> String {
    let now = time_of_day(board.now);
    let Some(Some(sample)) = board.seconds.front() else { return format!("{now} no sample") };
    let metrics: Vec<String> = (SHOWN.iter().take(COLUMNS))
        .map(|shown| format!("{} {:<7}", shown.label, shown.text((shown.of)(sample))))
        .collect();
    let score = match board.combined_score {
        Some(score) => format!("{score:.2}"),
        None => "-".to_owned(),
    };
    format!("{now} {:<9} {} score {score}", sample.health.word(), metrics.join(" "))
}

fn event_line(board: &Board, event: &Event) -> String {
    let Event { event, detection } = event;
    let (time, happened) = match event {
        EventKind::Opened => (detection.timestamp, "OPENED"),
        EventKind::Reopened => (detection.last_seen, "REOPENED"),
        EventKind::Resolved => (detection.resolved_at.unwrap_or(board.now), "RESOLVED"),
        EventKind::Ongoing => (board.now, "ONGOING"),
        EventKind::Changed => (board.now, "CHANGED"),
    };
    let lasted = match event {
        EventKind::Opened => String::new(),
        _ => format!(" after {}", duration(board.lasted_s(detection))),
    };
    let Detection { rule_id, description, confidence, resolution_notes, .. } = detection;
    let (time, severity) = (time_of_day(time), severity(detection.severity));
    let account = match resolution_notes {
        Some(notes) => notes.clone(),
        None => format!("confidence {confidence:.2}: {description}"),
    };
    format!("{time} {happened:<10} {severity} {rule_id}{lasted}, {account}")
}

/// What is worth keeping when the live view is gone.
pub(super) fn farewell(board: &Board) -> String {
    let ran = duration(board.now.seconds_since(board.began));
    let (samples, found, open) = (board.samples_sent, detections(board.opened), board.open_count());
    let mut text = format!("{samples} samples in {ran}: {found}, {open} still open\n");
    for detection in board.detections.iter().rev() {
        let state = if detection.resolved_at.is_some() { "resolved after" } else { "open for" };
        let (time, lasted) = (time_of_day(detection.timestamp), duration(board.lasted_s(detection)));
        let severity = severity(detection.severity);
        text += &format!("  {time} {severity:<8} {state} {lasted}: {}\n", detection.description);
    }
    text
}
