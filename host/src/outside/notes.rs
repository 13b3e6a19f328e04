//! What a dry run would have sent.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::limits::DRY_RUN_NOTES_MAX;

/// Something that did not leave. It has no bodies, no headers and no secrets that the host handed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Noted {
    /// A request.
    Http {
        /// "POST"
        method: String,
        /// Without the query.
        url: String,
        /// Of the body.
        bytes: usize,
    },
    /// A mail.
    Mail {
        /// Whom it would have gone to.
        recipients: Vec<String>,
        /// Of text and HTML.
        bytes: usize,
    },
}

/// What was noted since the last look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Notes {
    /// In the order in which it would have left.
    pub noted: Vec<Noted>,
    /// How many more there were than are kept.
    pub dropped: u64,
}

/// Collects notes of all instances with the same capabilities.
#[derive(Debug, Default)]
pub(super) struct Notebook(Mutex<Notes>);

impl Notebook {
    pub(super) fn write(&self, noted: Noted) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.noted.len() < DRY_RUN_NOTES_MAX {
            notes.noted.push(noted);
        } else {
            notes.dropped += 1;
        }
    }

    pub(super) fn take(&self) -> Notes {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Display for Notes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("would have sent ")?;
        if self.noted.is_empty() {
            return f.write_str("nothing");
        }
        for (place, noted) in self.noted.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            match noted {
                Noted::Http { method, url, bytes } => write!(f, "{comma}{method} {url}, {bytes} bytes")?,
                Noted::Mail { recipients, bytes } => {
                    write!(f, "{comma}mail to {}, {bytes} bytes", recipients.join(" and "))?;
                }
            }
        }
        if self.dropped > 0 { write!(f, ", and {} more", self.dropped) } else { Ok(()) }
    }
}
