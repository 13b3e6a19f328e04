//! The settings, and the one way to be told that they describe.

use std::collections::BTreeMap;

use lapwing_sdk::action::{Failure, Host, HttpRequest, endpoint};
use serde::Deserialize;

use crate::alertmanager::Alertmanager;
use crate::email::Email;
use crate::pagerduty::PagerDuty;
use crate::slack::Slack;
use crate::template::{Escape, Template, Wording};
use crate::webhook::Webhook;

/// Recipients of a mail.
const RECIPIENTS_MAX: usize = 100;
/// Headers of the operator's own.
const HEADERS_MAX: usize = 32;
/// Headers that are made here or by the host.
const HEADERS_TAKEN: [&str; 8] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "idempotency-key",
    "transfer-encoding",
    "x-lapwing-signature",
    "x-lapwing-timestamp",
];

/// Where PagerDuty takes events, unless the account is elsewhere.
const PAGERDUTY_URL: &str = "https://events.pagerduty.com/v2/enqueue";

/// The plugin's settings.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    kind: Option<Kind>,
    url: Option<String>,
    url_secret: Option<String>,
    secret: Option<String>,
    headers: BTreeMap<String, String>,
    to: Vec<String>,
    title: Option<String>,
    text: Option<String>,
    routing_key_secret: Option<String>,
}

/// The ways to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Webhook,
    Slack,
    #[serde(rename = "pagerduty")]
    PagerDuty,
    Alertmanager,
    Email,
}

/// A way to be told, ready to be used.
pub(crate) enum Channel {
    Webhook(Webhook),
    Slack(Slack),
    PagerDuty(PagerDuty),
    Alertmanager(Alertmanager),
    Email(Email),
}

/// An address that is known, or is itself a secret.
pub(crate) enum Address {
    Known(String),
    Secret(String),
}

impl Address {
    /// A POST to the address.
    pub(crate) fn post(&self, host: &dyn Host) -> Result<HttpRequest, Failure> {
        match self {
            Self::Known(url) => Ok(HttpRequest::post(url)),
            Self::Secret(name) => {
                let url = host.secret(name).map_err(Failure::permanent)?;
                let url = url.trim();
                endpoint(&format!("the secret `{name}`"), url).map_err(Failure::permanent)?;
                Ok(HttpRequest::post(url))
            }
        }
    }
}

impl Settings {
    /// What they describe; nothing without a kind.
    pub(crate) fn channel(mut self) -> Result<Option<Channel>, String> {
        let Some(kind) = self.kind else {
            return match self.given().first() {
                Some(given) => Err(format!(
                    "kind is missing though {given} is given; it is webhook, slack, pagerduty, alertmanager or email"
                )),
                None => Ok(None),
            };
        };
        self.only_what_fits(kind)?;
        let headers = checked_headers(&self.headers)?;
        let escape = if kind == Kind::Slack { Escape::Slack } else { Escape::Nothing };
        let title = self.title.take().map(|source| Template::new("title", source, escape)).transpose()?;
        let text = self.text.take().map(|source| Template::new("text", source, escape)).transpose()?;
        Ok(Some(match kind {
            Kind::Webhook => Channel::Webhook(Webhook {
                address: self.address()?,
                secret: self.secret,
                headers,
                title: Wording::title(title, escape)?,
                text: Wording::text(text, escape)?,
            }),
            Kind::Slack => Channel::Slack(Slack::new(self.address()?, title, text)?),
            Kind::PagerDuty => {
                let secret = self.routing_key_secret.take();
                let routing_key_secret = secret.filter(|name| !name.is_empty()).ok_or(
                    "routing_key_secret is missing; it is the name of the secret with the integration's routing key",
                )?;
                let url = self.url.unwrap_or_else(|| PAGERDUTY_URL.to_owned());
                endpoint("url", &url)?;
                Channel::PagerDuty(PagerDuty::new(url, routing_key_secret, title, text)?)
            }
            Kind::Alertmanager => {
                Channel::Alertmanager(Alertmanager::new(self.address()?, headers, title, text)?)
            }
            Kind::Email => Channel::Email(Email::new(recipients(self.to)?, title, text)?),
        }))
    }

    /// The names of the settings that are there, without `kind`.
    fn given(&self) -> Vec<&'static str> {
        let all = [
            ("url", self.url.is_some()),
            ("url_secret", self.url_secret.is_some()),
            ("secret", self.secret.is_some()),
            ("headers", !self.headers.is_empty()),
            ("to", !self.to.is_empty()),
            ("title", self.title.is_some()),
            ("text", self.text.is_some()),
            ("routing_key_secret", self.routing_key_secret.is_some()),
        ];
        all.into_iter().filter(|&(_, given)| given).map(|(name, _)| name).collect()
    }

    fn only_what_fits(&self, kind: Kind) -> Result<(), String> {
        let (word, fitting): (&str, &[&str]) = match kind {
            Kind::Webhook => ("webhook", &["url", "url_secret", "secret", "headers"]),
            Kind::Slack => ("slack", &["url", "url_secret"]),
            Kind::PagerDuty => ("pagerduty", &["url", "routing_key_secret"]),
            Kind::Alertmanager => ("alertmanager", &["url", "url_secret", "headers"]),
            Kind::Email => ("email", &["to"]),
        };
        match self.given().iter().find(|name| !fitting.contains(name) && !["title", "text"].contains(name)) {
            Some(name) => Err(format!(
                "{name} is not for kind {word}, which has {}, title and text",
                fitting.join(", ")
            )),
            None => Ok(()),
        }
    }

    fn address(&mut self) -> Result<Address, String> {
        match (self.url.take(), self.url_secret.take()) {
            (Some(url), None) => {
                endpoint("url", &url)?;
                Ok(Address::Known(url))
            }
            (None, Some(name)) if !name.is_empty() => Ok(Address::Secret(name)),
            (Some(_), Some(_)) => Err("url and url_secret are both given; one of them is needed".to_owned()),
            _ => Err("url is missing; it is an address, or url_secret the name of a secret that holds it"
                .to_owned()),
        }
    }
}

fn checked_headers(headers: &BTreeMap<String, String>) -> Result<Vec<(String, String)>, String> {
    if headers.len() > HEADERS_MAX {
        return Err(format!("headers has {} entries, at most {HEADERS_MAX} are allowed", headers.len()));
    }
    for (name, value) in headers {
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || !name.chars().all(token) {
            return Err(format!("headers: {name:?} is no name of a header"));
        }
        if HEADERS_TAKEN.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(format!("headers: {name} is set by Lapwing"));
        }
        if value.chars().any(|c| !(c == '\t' || c == ' ' || c.is_ascii_graphic())) {
            return Err(format!("headers.{name} contains a character that cannot stand in a header"));
        }
    }
    Ok(headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn recipients(to: Vec<String>) -> Result<Vec<String>, String> {
    if to.is_empty() || to.len() > RECIPIENTS_MAX {
        return Err(format!("to has {} addresses, it needs 1 to {RECIPIENTS_MAX}", to.len()));
    }
    for address in &to {
        let sound = |part: &str| {
            !part.is_empty()
                && part.chars().all(|c| c.is_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c))
        };
        match address.split_once('@') {
            Some((local, domain)) if sound(local) && sound(domain) => {}
            _ => return Err(format!("to: {address:?} is no mail address; it looks like ops@example.com")),
        }
    }
    Ok(to)
}
