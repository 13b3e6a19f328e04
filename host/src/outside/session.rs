//! One instance's way outside: every call is checked against the grants, bounded and counted.

use std::sync::Arc;
use std::time::Duration;

use ring::hmac;
use tokio::time::Instant;
use url::Url;

use super::capabilities::Capabilities;
use super::history::{History, Peer, Series};
use super::http::{HttpRequest, HttpResponse, OutsideError};
use super::mail::MailMessage;
use super::notes::Noted;
use super::secrets::Secret;
use crate::limits::{HISTORY_SAMPLES_MAX, OUTSIDE_CALLS_MAX, PEERS_MAX};

/// What one call of an action took of the outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests that were sent, answered or not; none in a dry run.
    pub requests: u32,
    /// Mails that were handed to the server or refused by it.
    pub mails: u32,
    /// Bytes of bodies and mails that were sent.
    pub sent_bytes: u64,
    /// Bytes of bodies that came back.
    pub received_bytes: u64,
    /// How long the action waited for hosts and the mail server.
    pub waited: Duration,
}

/// The calls of one instance to the outside.
pub struct Session {
    capabilities: Capabilities,
    usage: Usage,
    calls_left: u32,
    /// When the last answer from outside must be there.
    ends: Instant,
    /// Secrets that the instance knows by now, with their names.
    told: Vec<(String, Secret)>,
}

impl Session {
    /// A session that has not begun: every call of it is refused until [`begin`](Self::begin).
    #[must_use]
    pub fn new(capabilities: Capabilities) -> Self {
        let ends = Instant::now();
        Self { capabilities, usage: Usage::default(), calls_left: 0, ends, told: Vec::new() }
    }

    /// A call of the instance begins. What it asks outside ends at nine tenths of its deadline, so that it has time
    /// to say so.
    pub fn begin(&mut self) {
        self.usage = Usage::default();
        self.calls_left = OUTSIDE_CALLS_MAX;
        self.ends = Instant::now() + self.capabilities.deadline().mul_f64(0.9);
    }

    /// What the call under way, or the last one, took.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// How long a whole call may take.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.capabilities.deadline()
    }

    /// Sends a request if its host is granted.
    ///
    /// # Errors
    /// There is no whole answer.
    pub async fn http(&mut self, request: HttpRequest) -> Result<HttpResponse, OutsideError> {
        self.count()?;
        let request = request.check()?;
        let Some(grant) = self.capabilities.grants.host(&request.url) else {
            return Err(OutsideError::Refused(format!("{} is not granted", origin(&request.url))));
        };
        let internal = grant.is_internal();
        let bytes = request.body_bytes();
        if let Some(notebook) = &self.capabilities.notebook {
            let method = request.method.to_string();
            notebook.write(Noted::Http { method, url: self.without_secrets(&request.url), bytes });
            return Ok(HttpResponse { status: 202, ..HttpResponse::default() });
        }
        self.usage.requests += 1;
        self.usage.sent_bytes += bytes as u64;
        let begun = Instant::now();
        let left = self.ends.saturating_duration_since(begun);
        let Some(http) = &self.capabilities.means.http else {
            return Err(OutsideError::Refused(
                "HTTPS could not be set up; the log of the start says why".to_owned(),
            ));
        };
        let answer = http.send(request, internal, left).await;
        self.usage.waited += begun.elapsed();
        if let Ok(answer) = &answer {
            self.usage.received_bytes += answer.body.len() as u64;
        }
        answer
    }

    /// Sends a mail if all its recipients are granted.
    ///
    /// # Errors
    /// The mail server did not take it.
    pub async fn mail(&mut self, message: MailMessage) -> Result<(), OutsideError> {
        self.count()?;
        let recipients = message.check()?;
        if let Some(other) = recipients.iter().find(|address| !self.capabilities.grants.recipient(address)) {
            return Err(OutsideError::Refused(format!("mail to {other} is not granted")));
        }
        let bytes = message.bytes();
        if let Some(notebook) = &self.capabilities.notebook {
            let recipients = recipients.iter().map(|address| self.redact(address.to_string())).collect();
            notebook.write(Noted::Mail { recipients, bytes });
            return Ok(());
        }
        let Some(mailer) = &self.capabilities.means.mailer else {
            return Err(OutsideError::Refused(
                "there is no mail server: [mail] is not configured".to_owned(),
            ));
        };
        self.usage.mails += 1;
        self.usage.sent_bytes += bytes as u64;
        let begun = Instant::now();
        let left = self.ends.saturating_duration_since(begun);
        let sent = mailer.send(&message, recipients, left).await;
        self.usage.waited += begun.elapsed();
        sent
    }

    /// Hands a granted secret over. From now on [`redact`](Self::redact) knows it.
    ///
    /// # Errors
    /// What is missing: the grant, or the secret.
    pub fn secret(&mut self, name: &str) -> Result<String, String> {
        let secret = self.granted_secret(name)?;
        let text = secret.reveal().to_owned();
        if !self.told.iter().any(|(_, told)| told.reveal() == text) {
            self.told.push((name.to_owned(), secret));
        }
        Ok(text)
    }

    /// HMAC-SHA-256 of a message under a granted secret, in hexadecimal.
    ///
    /// # Errors
    /// What is missing: the grant, or the secret.
    pub fn sign(&self, name: &str, message: &[u8]) -> Result<String, String> {
        let secret = self.granted_secret(name)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
        Ok(hmac::sign(&key, message).as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Reads a system's past if history is granted.
    ///
    /// # Errors
    /// History is not granted, or there is no such system.
    pub async fn read(&mut self, system_id: String, since: f64, limit: u32) -> Result<Vec<Series>, String> {
        let limit = limit.min(HISTORY_SAMPLES_MAX);
        self.history(move |history| history.read(&system_id, since, limit)).await?
    }

    /// Other systems of the same type or zone.
    ///
    /// # Errors
    /// History is not granted.
    pub async fn peers(&mut self, system_id: String, limit: u32) -> Result<Vec<Peer>, String> {
        let limit = limit.min(PEERS_MAX);
        self.history(move |history| history.peers(&system_id, limit)).await
    }

    /// `text` with every secret that the instance knows replaced by its name.
    #[must_use]
    pub fn redact(&self, text: String) -> String {
        self.told.iter().fold(text, |text, (name, secret)| {
            if text.contains(secret.reveal()) {
                text.replace(secret.reveal(), &format!("[secret {name}]"))
            } else {
                text
            }
        })
    }

    async fn history<T: Send + 'static>(
        &mut self,
        look: impl FnOnce(&dyn History) -> T + Send + 'static,
    ) -> Result<T, String> {
        if !self.capabilities.grants.history {
            return Err("history is not granted".to_owned());
        }
        self.count().map_err(|error| error.to_string())?;
        let history = Arc::clone(&self.capabilities.means.history);
        let looking = tokio::task::spawn_blocking(move || look(&*history));
        match tokio::time::timeout_at(self.ends, looking).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(_)) => Err("history could not be read".to_owned()),
            Err(_) => Err("history was not read in time".to_owned()),
        }
    }

    fn granted_secret(&self, name: &str) -> Result<Secret, String> {
        if !self.capabilities.grants.secret(name) {
            return Err(format!("secret {name:?} is not granted"));
        }
        let secret = self.capabilities.means.secrets.secret(name);
        secret.ok_or_else(|| format!("secret {name:?} is granted, and there is none of this name"))
    }

    fn count(&mut self) -> Result<(), OutsideError> {
        match self.calls_left.checked_sub(1) {
            Some(left) => {
                self.calls_left = left;
                Ok(())
            }
            None => Err(OutsideError::Refused(format!(
                "more than {OUTSIDE_CALLS_MAX} requests, mails and looks into history in one call"
            ))),
        }
    }

    /// A URL as it may be shown: without query, and without what the instance knows that others should not.
    fn without_secrets(&self, url: &Url) -> String {
        let mut url = url.clone();
        url.set_query(None);
        let mut text = url.to_string();
        for (name, secret) in &self.told {
            // In a path it is written with escapes, as one segment or as several.
            let mut several = url.clone();
            several.set_path(secret.reveal());
            let mut one = url.clone();
            if let Ok(mut path) = one.path_segments_mut() {
                path.clear().push(secret.reveal());
            }
            for escaped in [several.path(), one.path()] {
                let escaped = escaped.trim_start_matches('/');
                if !escaped.is_empty() {
                    text = text.replace(escaped, &format!("[secret {name}]"));
                }
            }
        }
        self.redact(text)
    }
}

/// A URL's scheme, host and port, as a grant would have to name them.
fn origin(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let plain = if url.scheme() == "http" { "http://" } else { "" };
    match url.port() {
        Some(port) => format!("{plain}{host}:{port}"),
        None => format!("{plain}{host}"),
    }
}
