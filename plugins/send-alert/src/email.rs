//! Mail.

use lapwing_sdk::action::{Failure, Host, Message, Outcome, Request};

use crate::names::message_id;
use crate::template::{Escape, Template, Wording, one_line, shortened};
use crate::told;

/// Characters of a subject.
const SUBJECT_CHARS_MAX: usize = 250;

/// Recipients of mail.
pub(crate) struct Email {
    to: Vec<String>,
    title: Wording,
    text: Wording,
}

impl Email {
    pub(crate) fn new(
        to: Vec<String>,
        title: Option<Template>,
        text: Option<Template>,
    ) -> Result<Self, String> {
        let (title, text) = (Wording::title(title, Escape::Nothing)?, Wording::text(text, Escape::Nothing)?);
        Ok(Self { to, title, text })
    }

    pub(crate) fn send(&self, request: &Request, host: &dyn Host) -> Result<Outcome, Failure> {
        let occasion = &request.occasion;
        let (title, text) = (self.title.words(occasion), self.text.words(occasion));
        let subject = shortened(&one_line(&title.text), SUBJECT_CHARS_MAX);
        // All mails of one trouble follow the same one, which need not exist for mail programs to keep them together.
        let first =
            (!occasion.dedup_key.is_empty()).then(|| message_id(&format!("trouble {}", occasion.dedup_key)));
        host.mail(&Message {
            recipients: self.to.clone(),
            html: Some(html(&subject, &text.text)),
            subject,
            text: text.text.clone(),
            id: message_id(&request.key),
            in_reply_to: first,
        })?;
        let recipients = match self.to.len() {
            1 => "1 recipient".to_owned(),
            many => format!("{many} recipients"),
        };
        Ok(told(format!("mailed {recipients}"), &[&title, &text]))
    }
}

fn html(subject: &str, text: &str) -> String {
    let lines: Vec<String> = text.lines().map(linked).collect();
    let (subject, text) = (escape(subject), lines.join("<br>\n"));
    format!("<!doctype html>\n<html><body><p><strong>{subject}</strong></p>\n<p>{text}</p></body></html>\n")
}

/// A line that is an address becomes a link.
fn linked(line: &str) -> String {
    let (address, line) = (line.starts_with("https://") && !line.contains(char::is_whitespace), escape(line));
    if address { format!("<a href=\"{line}\">{line}</a>") } else { line }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
