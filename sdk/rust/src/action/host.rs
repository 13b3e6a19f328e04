//! What the host does for an action.

use super::http::Response;
use super::{Failure, HttpError, HttpRequest, MailError};
use crate::bindings::action::lapwing::plugin as wit;

pub use wit::history::{Peer, Series};
pub use wit::mail::Message;

/// The services of the host. Each answers only as far as the operator granted it to the action.
pub trait Host {
    /// Sends a request and waits for the whole answer. Redirects are not followed.
    ///
    /// # Errors
    /// There is no answer; `?` makes a [`Failure`] of that.
    fn http(&self, request: &HttpRequest) -> Result<Response, HttpError>;

    /// The secret of this name. Never log it, and never put it into a reason or a summary.
    ///
    /// # Errors
    /// What is missing: the grant, or the secret.
    fn secret(&self, name: &str) -> Result<String, String>;

    /// HMAC-SHA-256 of a message under the secret of this name, in hexadecimal.
    ///
    /// # Errors
    /// What is missing: the grant, or the secret.
    fn sign(&self, name: &str, message: &[u8]) -> Result<String, String>;

    /// Sends a mail.
    ///
    /// # Errors
    /// It was not sent; `?` makes a [`Failure`] of that.
    fn mail(&self, message: &Message) -> Result<(), MailError>;

    /// Every numeric metric of a system from `since` on (seconds since the Unix epoch), at most the `limit` newest
    /// samples.
    ///
    /// # Errors
    /// There is no such system.
    fn history(&self, system_id: &str, since: f64, limit: u32) -> Result<Vec<Series>, String>;

    /// At most `limit` other systems of the same type or the same zone.
    fn peers(&self, system_id: &str, limit: u32) -> Vec<Peer>;
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Refused(reason) => Self::permanent(format!("the request was refused: {reason}")),
            HttpError::Unreachable(reason) => Self::retry(format!("unreachable: {reason}")),
            HttpError::Timeout => Self::retry("no whole answer in time"),
        }
    }
}

impl From<MailError> for Failure {
    fn from(error: MailError) -> Self {
        match error {
            MailError::Refused(reason) => Self::permanent(format!("the mail was refused: {reason}")),
            MailError::Unreachable(reason) => {
                Self::retry(format!("the mail server is unreachable: {reason}"))
            }
            MailError::Timeout => Self::retry("the mail server did not answer in time"),
        }
    }
}
