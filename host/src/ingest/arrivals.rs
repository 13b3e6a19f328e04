//! When each line of a recording reached the monitor: `line,arrival_ms`, lines from 1, both ascending.

use std::io;
use std::path::Path;

use super::source::{Line, Source};
use crate::time::Millis;

/// Reads arrivals in step with the lines that they belong to.
pub struct Arrivals {
    source: Source,
    /// The entry read ahead.
    next: Option<(u64, Millis)>,
    last: Option<Millis>,
}

/// What is wrong with a file of arrivals.
#[derive(Debug, thiserror::Error)]
pub enum ArrivalsError {
    /// It cannot be read.
    #[error("the arrivals cannot be read")]
    Read(#[from] io::Error),
    /// An entry is not what it should be.
    #[error("{file}:{line}: found {found:?}, expected {expected}")]
    Entry {
        /// The file's name.
        file: String,
        /// The line in it.
        line: u64,
        /// The line's text.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
    /// There is no arrival for the first lines.
    #[error("{file} has no arrival for line {line}")]
    Missing {
        /// The file's name.
        file: String,
        /// The line of the samples.
        line: u64,
    },
}

impl Arrivals {
    /// Opens a file of arrivals.
    ///
    /// # Errors
    /// It cannot be read, or does not begin with the header `line,arrival_ms`.
    pub fn open(path: &Path) -> Result<Self, ArrivalsError> {
        let mut arrivals = Self { source: Source::open(path)?, next: None, last: None };
        let header = match arrivals.source.next_line()? {
            Some(Line::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            _ => String::new(),
        };
        if header != "line,arrival_ms" {
            return Err(arrivals.entry_error(header, "the header line,arrival_ms"));
        }
        arrivals.advance()?;
        Ok(arrivals)
    }

    /// When `line` of the samples arrived; a line without an entry of its own arrived with the one before it.
    ///
    /// # Errors
    /// The file cannot be read, is not ascending, or has nothing for the first line asked for.
    pub fn of_line(&mut self, line: u64) -> Result<Millis, ArrivalsError> {
        while let Some((entry, arrival)) = self.next {
            if entry > line {
                break;
            }
            if self.last.is_some_and(|last| arrival < last) {
                return Err(
                    self.entry_error(format!("{entry},{}", arrival.0), "a time not before the last one")
                );
            }
            self.last = Some(arrival);
            self.advance()?;
        }
        self.last.ok_or_else(|| ArrivalsError::Missing { file: self.source.name().to_owned(), line })
    }

    fn advance(&mut self) -> Result<(), ArrivalsError> {
        let text = match self.source.next_line()? {
            None => {
                self.next = None;
                return Ok(());
            }
            Some(Line::TooLong) => String::new(),
            Some(Line::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        };
        let entry = text.split_once(',').and_then(|(line, arrival)| {
            Some((line.trim().parse().ok()?, Millis(arrival.trim().parse().ok()?)))
        });
        match entry {
            Some((line, _)) if self.next.is_some_and(|(before, _)| line <= before) => {
                Err(self.entry_error(text, "a line number greater than the last one"))
            }
            Some(entry) => {
                self.next = Some(entry);
                Ok(())
            }
            None => Err(self.entry_error(text, "line,arrival_ms: two whole numbers")),
        }
    }

    fn entry_error(&self, found: String, expected: &'static str) -> ArrivalsError {
        let (file, line) = (self.source.name().to_owned(), self.source.line_number());
        ArrivalsError::Entry { file, line, found, expected }
    }
}
