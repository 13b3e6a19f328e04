//! Slack: a message by incoming webhook.

use lapwing_sdk::Severity;
use lapwing_sdk::action::{Failure, Host, Kind, Occasion, Outcome, Request};
use serde_json::{Value, json};

use crate::settings::Address;
use crate::template::{Escape, Template, Wording, escape_slack, one_line, shortened};
use crate::told;

/// Characters of a section of a message that Slack takes, less some for what is put around it.
const SECTION_CHARS_MAX: usize = 2900;
/// Characters of the heading.
const HEADING_CHARS_MAX: usize = 500;

/// A channel in Slack.
pub(crate) struct Slack {
    address: Address,
    title: Wording,
    text: Wording,
}

impl Slack {
    pub(crate) fn new(
        address: Address,
        title: Option<Template>,
        text: Option<Template>,
    ) -> Result<Self, String> {
        let (title, text) = (Wording::title(title, Escape::Slack)?, Wording::text(text, Escape::Slack)?);
        Ok(Self { address, title, text })
    }

    pub(crate) fn send(&self, request: &Request, host: &dyn Host) -> Result<Outcome, Failure> {
        let occasion = &request.occasion;
        let (title, text) = (self.title.words(occasion), self.text.words(occasion));
        let heading = shortened(&one_line(&title.text), HEADING_CHARS_MAX);
        let mut blocks = vec![section(&format!("*{heading}*"))];
        if !text.text.is_empty() {
            blocks.push(section(&shortened(&text.text, SECTION_CHARS_MAX)));
        }
        blocks.push(
            json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": context(occasion) }] }),
        );
        let body = json!({
            // What notifications show.
            "text": heading,
            "attachments": [{ "color": color(occasion), "fallback": heading, "blocks": blocks }],
        });
        host.http(&self.address.post(host)?.json(&body))?.settled()?;
        Ok(told("told Slack".to_owned(), &[&title, &text]))
    }
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
}

fn context(occasion: &Occasion) -> String {
    let Occasion { severity, firing, resolved, route, .. } = occasion;
    let mut parts =
        vec![severity.as_str().to_owned(), format!("{firing} firing"), format!("{resolved} resolved")];
    if !route.is_empty() {
        parts.push(shortened(route, 200));
    }
    escape_slack(&parts.join(" · "))
}

/// Green when it is over, else by severity.
fn color(occasion: &Occasion) -> &'static str {
    match (occasion.kind, occasion.severity) {
        (Kind::Resolved, _) => "#2e9e5b",
        (Kind::Canary, _) => "#8a8a8a",
        (_, Severity::Low) => "#3b82c4",
        (_, Severity::Medium) => "#e0a100",
        (_, Severity::High) => "#e8681a",
        (_, Severity::Critical) => "#d0212f",
    }
}
