//! The terminal and its keys.

use std::io;
use std::time::Instant;

use anyhow::Result;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::board::Board;
use super::fault::Fault;
use super::log::Hold;
use super::{Display, Wish, view};
use crate::detections::Event;

/// The live view. The terminal is as it was before once this is dropped, or if anything panics.
pub(super) struct Live {
    terminal: Terminal,
    /// Dropped after the terminal is restored.
    _log: Hold,
}

struct Terminal(DefaultTerminal);

impl Live {
    pub(super) fn open() -> io::Result<Self> {
        let log = Hold::new();
        match ratatui::try_init() {
            Ok(terminal) => Ok(Self { terminal: Terminal(terminal), _log: log }),
            Err(error) => {
                ratatui::restore();
                Err(error)
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

impl Display for Live {
    fn show(&mut self, board: &Board, _: &[Event]) -> Result<()> {
        self.terminal.0.draw(|frame| view::draw(frame, board))?;
        Ok(())
    }

    fn wish(&mut self, until: Instant) -> Result<Option<Wish>> {
        while event::poll(until.saturating_duration_since(Instant::now()))? {
            let wish = match event::read()? {
                event::Event::Key(key) if key.kind == KeyEventKind::Press => wish_of(key),
                event::Event::Resize(..) => Some(Wish::Redraw),
                _ => None,
            };
            if wish.is_some() {
                return Ok(wish);
            }
        }
        Ok(None)
    }
}

fn wish_of(key: KeyEvent) -> Option<Wish> {
    let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Esc | KeyCode::Char('q' | 'Q') => Some(Wish::Quit),
        KeyCode::Char('c') if with_control => Some(Wish::Quit),
        KeyCode::Char(pressed) if !with_control => {
            let fault = Fault::ALL.into_iter().find(|fault| fault.key() == pressed.to_ascii_lowercase());
            fault.map(Wish::Toggle)
        }
        _ => None,
    }
}
