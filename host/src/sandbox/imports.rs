//! What components of actions import, in the words of the contract. What may be reached is decided [outside](crate::outside).

use std::time::Instant;

use super::contract::action::lapwing::plugin::{history, http, mail, secrets};
use super::instance::Instance;
use crate::limits::EPOCH;
use crate::outside::{HttpRequest, MailMessage, OutsideError};

/// The answer to every call outside from `configure`.
const CONFIGURING: &str = "not while configuring";

impl http::Host for Instance {
    async fn send(&mut self, request: http::Request) -> Result<http::Response, http::Error> {
        let Some(outside) = &mut self.outside else {
            return Err(http::Error::Refused(CONFIGURING.to_owned()));
        };
        let http::Request { method, url, headers, body } = request;
        let headers = headers.into_iter().map(|header| (header.name, header.value)).collect();
        let begun = Instant::now();
        let answer = outside.http(HttpRequest { method, url, headers, body }).await;
        self.waited_since(begun);
        match answer {
            Ok(answer) => Ok(http::Response {
                status: answer.status,
                headers: answer
                    .headers
                    .into_iter()
                    .map(|(name, value)| http::Header { name, value })
                    .collect(),
                body: answer.body,
            }),
            Err(OutsideError::Refused(reason)) => Err(http::Error::Refused(reason)),
            Err(OutsideError::Unreachable(reason)) => Err(http::Error::Unreachable(reason)),
            Err(OutsideError::Timeout) => Err(http::Error::Timeout),
        }
    }
}

impl secrets::Host for Instance {
    fn get(&mut self, name: String) -> Result<String, String> {
        self.outside.as_mut().map_or_else(|| Err(CONFIGURING.to_owned()), |outside| outside.secret(&name))
    }

    fn sign(&mut self, name: String, message: Vec<u8>) -> Result<String, String> {
        let outside = self.outside.as_ref();
        outside.map_or_else(|| Err(CONFIGURING.to_owned()), |outside| outside.sign(&name, &message))
    }
}

impl mail::Host for Instance {
    async fn send(&mut self, message: mail::Message) -> Result<(), mail::Error> {
        let Some(outside) = &mut self.outside else {
            return Err(mail::Error::Refused(CONFIGURING.to_owned()));
        };
        let mail::Message { recipients, subject, text, html, id, in_reply_to } = message;
        let begun = Instant::now();
        let sent = outside.mail(MailMessage { recipients, subject, text, html, id, in_reply_to }).await;
        self.waited_since(begun);
        sent.map_err(|error| match error {
            OutsideError::Refused(reason) => mail::Error::Refused(reason),
            OutsideError::Unreachable(reason) => mail::Error::Unreachable(reason),
            OutsideError::Timeout => mail::Error::Timeout,
        })
    }
}

impl history::Host for Instance {
    async fn read(
        &mut self,
        system_id: String,
        since: f64,
        limit: u32,
    ) -> Result<Vec<history::Series>, String> {
        let Some(outside) = &mut self.outside else {
            return Err(CONFIGURING.to_owned());
        };
        let begun = Instant::now();
        let read = outside.read(system_id, since, limit).await;
        self.waited_since(begun);
        let series = read?.into_iter();
        Ok(series
            .map(|series| history::Series {
                metric: series.metric,
                times: series.times,
                values: series.values,
            })
            .collect())
    }

    async fn peers(&mut self, system_id: String, limit: u32) -> Vec<history::Peer> {
        let Some(outside) = &mut self.outside else {
            return Vec::new();
        };
        let begun = Instant::now();
        let peers = outside.peers(system_id, limit).await;
        self.waited_since(begun);
        match peers {
            Ok(peers) => peers
                .into_iter()
                .map(|peer| history::Peer { system_id: peer.system_id, system_type: peer.system_type })
                .collect(),
            // The contract has no words for it here.
            Err(reason) => {
                self.warn(&format!("an action asked for peers: {reason}"));
                Vec::new()
            }
        }
    }
}

impl Instance {
    /// The epoch that passed while the instance waited is not one in which it computed.
    fn waited_since(&mut self, begun: Instant) {
        if begun.elapsed() >= EPOCH {
            self.epochs_left += 1;
        }
    }
}
