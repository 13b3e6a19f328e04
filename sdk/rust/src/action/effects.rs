//! What comes of an action: an outcome with its effects, or a failure.

use crate::bindings::action::exports::lapwing::plugin::action as wit;

pub use wit::{Effect, Failure, Outcome};

impl Outcome {
    /// One sentence for the detection's history: what was done. No effects yet.
    #[must_use]
    pub fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), effects: Vec::new() }
    }

    fn with(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }

    /// Raises the detection to `level` (from 1), of which `audience`, names of actions, hears from now on.
    #[must_use]
    pub fn escalate(self, level: u32, audience: Vec<String>) -> Self {
        self.with(Effect::Escalate(wit::Escalation { level, audience }))
    }

    /// Puts `subject` into the block list for `lasts_s` seconds.
    #[must_use]
    pub fn block(self, subject: impl Into<String>, reason: impl Into<String>, lasts_s: u32) -> Self {
        self.with(Effect::Block(wit::BlockEntry { subject: subject.into(), reason: reason.into(), lasts_s }))
    }

    /// Takes `subject` out of the block list.
    #[must_use]
    pub fn unblock(self, subject: impl Into<String>) -> Self {
        self.with(Effect::Unblock(subject.into()))
    }

    /// Attaches a document to the detection.
    #[must_use]
    pub fn attach(self, name: &str, media_type: &str, content: Vec<u8>) -> Self {
        let (name, media_type) = (name.to_owned(), media_type.to_owned());
        self.with(Effect::Attach(wit::Attachment { name, media_type, content }))
    }

    /// The action stays under way until the other side reports, and fails after `within_s` seconds.
    #[must_use]
    pub fn await_report(self, within_s: u32) -> Self {
        self.with(Effect::AwaitReport(within_s))
    }
}

impl Failure {
    /// Trying again is of no use until somebody changes something.
    #[must_use]
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), retry: false, after_s: None }
    }

    /// The same request may succeed later.
    #[must_use]
    pub fn retry(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), retry: true, after_s: None }
    }

    /// The same request may succeed, but not before `seconds` from now.
    #[must_use]
    pub fn after(reason: impl Into<String>, seconds: f64) -> Self {
        Self { reason: reason.into(), retry: true, after_s: Some(seconds) }
    }
}
