//! The services of the host as the component imports them.

use super::{Host, HttpError, HttpRequest, MailError, Message, Peer, Response, Series};
use crate::bindings::action::lapwing::plugin as wit;

/// The host behind the component's imports.
#[derive(Clone, Copy, Debug)]
pub struct Imports;

impl Host for Imports {
    fn http(&self, request: &HttpRequest) -> Result<Response, HttpError> {
        wit::http::send(request)
    }

    fn secret(&self, name: &str) -> Result<String, String> {
        wit::secrets::get(name)
    }

    fn sign(&self, name: &str, message: &[u8]) -> Result<String, String> {
        wit::secrets::sign(name, message)
    }

    fn mail(&self, message: &Message) -> Result<(), MailError> {
        wit::mail::send(message)
    }

    fn history(&self, system_id: &str, since: f64, limit: u32) -> Result<Vec<Series>, String> {
        wit::history::read(system_id, since, limit)
    }

    fn peers(&self, system_id: &str, limit: u32) -> Vec<Peer> {
        wit::history::peers(system_id, limit)
    }
}
