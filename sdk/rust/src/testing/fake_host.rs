//! A host for the tests of actions: it answers from a script, and remembers what it was asked.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::action::{Host, HttpError, HttpRequest, MailError, Message, Peer, Request, Response, Series};
use crate::bindings::action::lapwing::plugin::http::Header;

/// A host that answers from a script. HTTP beyond the script is answered as in a dry run: 202 and an empty body.
#[derive(Default)]
pub struct FakeHost {
    answers: RefCell<VecDeque<Result<Response, HttpError>>>,
    mail_errors: RefCell<VecDeque<MailError>>,
    secrets: BTreeMap<String, String>,
    histories: BTreeMap<String, Vec<Series>>,
    peers: Vec<Peer>,
    requests: RefCell<Vec<HttpRequest>>,
    mails: RefCell<Vec<Message>>,
}

impl FakeHost {
    /// A host without secrets, systems and answers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next request over HTTP is answered so.
    #[must_use]
    pub fn answer(self, status: u16, body: &str) -> Self {
        self.answer_with(status, &[], body)
    }

    /// The next request over HTTP is answered so, with headers.
    #[must_use]
    pub fn answer_with(self, status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|&(name, value)| header(name, value)).collect();
        self.answers.borrow_mut().push_back(Ok(Response { status, headers, body: body.into() }));
        self
    }

    /// The next request over HTTP gets no answer.
    #[must_use]
    pub fn no_answer(self, error: HttpError) -> Self {
        self.answers.borrow_mut().push_back(Err(error));
        self
    }

    /// The next mail is not sent.
    #[must_use]
    pub fn no_mail(self, error: MailError) -> Self {
        self.mail_errors.borrow_mut().push_back(error);
        self
    }

    /// A secret that is there and granted.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.insert(name.to_owned(), value.to_owned());
        self
    }

    /// What is kept of a system.
    #[must_use]
    pub fn system(mut self, system_id: &str, history: Vec<Series>) -> Self {
        self.histories.insert(system_id.to_owned(), history);
        self
    }

    /// A peer of every system, and what is kept of it.
    #[must_use]
    pub fn peer(mut self, system_id: &str, system_type: &str, history: Vec<Series>) -> Self {
        self.peers.push(Peer { system_id: system_id.to_owned(), system_type: system_type.to_owned() });
        self.system(system_id, history)
    }

    /// The requests over HTTP so far.
    #[must_use]
    pub fn requests(&self) -> Vec<HttpRequest> {
        self.requests.borrow().clone()
    }

    /// The mails so far, those that were not sent included.
    #[must_use]
    pub fn mails(&self) -> Vec<Message> {
        self.mails.borrow().clone()
    }

    /// A header of a request, whatever its case.
    #[must_use]
    pub fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
        let header = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        header.map(|header| header.value.as_str())
    }

    /// The first try of an action with the key `key-1`, in November 2023, about [an occasion](FakeHost::occasion).
    ///
    /// # Panics
    /// There is no such kind of occasion.
    #[must_use]
    pub fn request(kind: &str) -> Request {
        let occasion = serde_json::from_value(Self::occasion(kind)).unwrap();
        Request { key: "key-1".to_owned(), attempt: 1, now: 1_700_000_000.5, occasion }
    }

    /// An occasion of this kind, with every field: one system, `db-1` of zone `eu-1`, does not answer. It is over where the
    /// kind is `resolved`.
    #[must_use]
    pub fn occasion(kind: &str) -> Value {
        let over = kind == "resolved";
        json!({
            "kind": kind,
            "dedup_key": "root/db zone=eu-1",
            "title": "1 system of zone eu-1: System disconnection",
            "severity": "high",
            "level": 0,
            "audience": [],
            "route": "root/db",
            "group": { "zone": "eu-1" },
            "common": { "rule_id": "system_disconnection" },
            "firing": u8::from(!over),
            "resolved": u8::from(over),
            "behind": 0,
            "detections": [{
                "detection_id": "0b7a51a5-0000-5000-8000-000000000001",
                "rule_id": "system_disconnection",
                "detection_type": "disconnection",
                "severity": "high",
                "status": if over { "resolved" } else { "active" },
                "system_id": "db-1",
                "system_type": "db",
                "description": "seconds since the last sample is above 20",
                "confidence": 0.75,
                "timestamp": "2023-11-14T22:13:10.000Z",
                "resolved_at": over.then_some("2023-11-14T22:13:20.000Z"),
                "first_seen": "2023-11-14T22:13:10.000Z",
                "last_seen": "2023-11-14T22:13:15.000Z",
                "occurrences": 2,
                "evidence": {
                    "conditions": [{
                        "metric": "seconds since the last sample",
                        "observed": 21.0,
                        "relation": "above",
                        "expected": 20.0,
                        "outcome": "met",
                    }],
                    "custom_metrics": {},
                },
                "metrics": { "error_rate": 0.2 },
                "labels": { "zone": "eu-1" },
            }],
            "links": {
                "detection": "https://lapwing.example/api/v1/detections/0b7a51a5-0000-5000-8000-000000000001",
            },
            "report": { "url": "https://lapwing.example/api/v1/actions/key-1/report", "token": "report-token" },
        })
    }
}

fn header(name: &str, value: &str) -> Header {
    Header { name: name.to_owned(), value: value.to_owned() }
}

impl Host for FakeHost {
    fn http(&self, request: &HttpRequest) -> Result<Response, HttpError> {
        self.requests.borrow_mut().push(request.clone());
        let accepted = Response { status: 202, headers: Vec::new(), body: Vec::new() };
        self.answers.borrow_mut().pop_front().unwrap_or(Ok(accepted))
    }

    fn secret(&self, name: &str) -> Result<String, String> {
        self.secrets.get(name).cloned().ok_or_else(|| format!("the secret `{name}` is not granted"))
    }

    /// Not an HMAC: the name of the secret and the message, so that a test sees what was signed, by which secret.
    fn sign(&self, name: &str, message: &[u8]) -> Result<String, String> {
        self.secret(name)?;
        Ok(format!("{name}({})", String::from_utf8_lossy(message)))
    }

    fn mail(&self, message: &Message) -> Result<(), MailError> {
        self.mails.borrow_mut().push(message.clone());
        self.mail_errors.borrow_mut().pop_front().map_or(Ok(()), Err)
    }

    fn history(&self, system_id: &str, since: f64, limit: u32) -> Result<Vec<Series>, String> {
        let history =
            self.histories.get(system_id).ok_or_else(|| format!("there is no system `{system_id}`"))?;
        let newest = |series: &Series| {
            let begin = series.times.partition_point(|&time| time < since);
            let begin = begin.max(series.times.len().saturating_sub(limit as usize));
            let (times, values) = (series.times[begin..].to_vec(), series.values[begin..].to_vec());
            Series { metric: series.metric.clone(), times, values }
        };
        Ok(history.iter().map(newest).collect())
    }

    fn peers(&self, system_id: &str, limit: u32) -> Vec<Peer> {
        let others = self.peers.iter().filter(|peer| peer.system_id != system_id);
        others.take(limit as usize).cloned().collect()
    }
}
