//! A webhook: the whole occasion as JSON.

use lapwing_sdk::action::{Failure, Host, Outcome, Request, signed};
use serde_json::Value;

use crate::settings::Address;
use crate::template::{Wording, Words};
use crate::told;

/// A webhook of the operator's own.
pub(crate) struct Webhook {
    pub(crate) address: Address,
    /// The name of the secret that requests are signed with; without one they are not signed.
    pub(crate) secret: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    /// Takes the place of the occasion's title, if the operator has words for it.
    pub(crate) title: Wording,
    /// Adds a `text`, if the operator has words for it.
    pub(crate) text: Wording,
}

impl Webhook {
    pub(crate) fn send(&self, request: &Request, host: &dyn Host) -> Result<Outcome, Failure> {
        let occasion = &request.occasion;
        let mut body = serde_json::to_value(occasion)
            .map_err(|error| Failure::permanent(format!("the occasion cannot be written: {error}")))?;
        body["idempotency_key"] = Value::from(request.key.as_str());
        let mut words: Vec<Words> = Vec::new();
        for (field, wording) in [("title", &self.title), ("text", &self.text)] {
            if wording.is_own() {
                let own = wording.words(occasion);
                body[field] = Value::from(own.text.as_str());
                words.push(own);
            }
        }

        let mut post = self.address.post(host)?;
        for (name, value) in &self.headers {
            post = post.header(name, value);
        }
        post = post.json(&body);
        post = match &self.secret {
            Some(secret) => signed(post, request, secret, host)?,
            None => post.header("Idempotency-Key", &request.key),
        };
        host.http(&post)?.settled()?;
        Ok(told("told the webhook".to_owned(), &words.iter().collect::<Vec<_>>()))
    }
}
