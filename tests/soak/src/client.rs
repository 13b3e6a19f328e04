//! The server's API, for everything but the load.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::http::{Connection, Lines};
use crate::metrics::{self, Figure};

/// How long an everyday call may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// A server that is alive says so within this.
const HEALTH_PATIENCE: Duration = Duration::from_secs(1);
/// The stream of events sends a comment every 15 s.
const EVENTS_PATIENCE: Duration = Duration::from_secs(60);

/// The server's API with one token.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    address: SocketAddr,
    token: String,
}

/// An answer of any status.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// An event of the server.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// `detection_opened` and so on.
    pub(crate) kind: String,
    /// Its data.
    pub(crate) data: Value,
}

/// The server's events as they come.
#[derive(Debug)]
pub(crate) struct Events(Lines);

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Whether the status is of the 200s.
    pub(crate) fn is_success(&self) -> bool {
        self.status / 100 == 2
    }
}

impl Api {
    /// The API at `address` as the bearer of `token`.
    pub(crate) fn new(address: SocketAddr, token: String) -> Self {
        Self { address, token }
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The head of a request; `more` are whole header lines.
    pub(crate) fn head(&self, method: &str, path: &str, length: usize, more: &str) -> String {
        let Self { address, token } = self;
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
             content-length: {length}\r\n{more}\r\n"
        )
    }

    /// Calls with any body, on a connection of its own.
    ///
    /// # Errors
    /// There was no answer. An answer of any status is one.
    pub(crate) fn call(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Result<Answer> {
        self.call_within(PATIENCE, method, path, kind, body)
    }

    fn call_within(
        &self,
        patience: Duration,
        method: &str,
        path: &str,
        kind: &str,
        body: &[u8],
    ) -> Result<Answer> {
        let said = || format!("{method} {path}: no answer");
        let more = format!("connection: close\r\ncontent-type: {kind}\r\n");
        let head = self.head(method, path, body.len(), &more);
        let mut connection = Connection::open(self.address, patience).with_context(said)?;
        let mut answer = Vec::new();
        let head = connection.exchange(head.as_bytes(), body, &mut answer).with_context(said)?;
        Ok(Answer { status: head.status, body: answer })
    }

    /// Calls with a JSON body; the answer must be a success.
    ///
    /// # Errors
    /// No answer, or a refusal, whose words are in the error.
    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.call(method, path, "application/json", body.as_bytes())?;
        if !answer.is_success() {
            bail!("{method} {path}: {}: {}", answer.status, answer.text());
        }
        Ok(answer.json())
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        self.send("GET", path, &Value::Null)
    }

    /// Every rule, as the API shows it.
    ///
    /// # Errors
    /// As [`send`](Self::send), or the answer holds no list of rules.
    pub(crate) fn rules(&self) -> Result<Vec<Value>> {
        match self.get("/api/v1/rules")? {
            Value::Array(rules) => Ok(rules),
            mut answer => match answer["rules"].take() {
                Value::Array(rules) => Ok(rules),
                _ => bail!("GET /api/v1/rules has neither a list nor `rules`: {answer}"),
            },
        }
    }

    /// Every entry of a list in pages of `limit`, such as `("/api/v1/detections", "detections", 500,
    /// "&rule_id=a")`.
    ///
    /// # Errors
    /// As [`send`](Self::send), or a page without the list.
    pub(crate) fn pages(&self, path: &str, list: &str, limit: usize, query: &str) -> Result<Vec<Value>> {
        let mut entries = Vec::new();
        let mut cursor = String::new();
        loop {
            let mut page = self.get(&format!("{path}?limit={limit}{query}{cursor}"))?;
            let Value::Array(more) = page[list].take() else { bail!("{path} has no list `{list}`: {page}") };
            entries.extend(more);
            match &page["next_cursor"] {
                Value::String(next) => cursor = format!("&cursor={}", escaped(next)),
                Value::Number(next) => cursor = format!("&cursor={next}"),
                _ => return Ok(entries),
            }
        }
    }

    /// The figures of `/metrics`.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub(crate) fn metrics(&self) -> Result<Vec<Figure>> {
        let answer = self.call("GET", "/metrics", "text/plain", b"")?;
        if !answer.is_success() {
            bail!("GET /metrics: {}: {}", answer.status, answer.text());
        }
        Ok(metrics::parse(&answer.text()))
    }

    /// Whether the server says that it is ready.
    pub(crate) fn is_ready(&self) -> bool {
        let answer = self.call_within(HEALTH_PATIENCE, "GET", "/readyz", "text/plain", b"");
        answer.is_ok_and(|answer| answer.status == 200)
    }

    /// Whether the server says, within a second, that it is alive.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn health(&self) -> Result<()> {
        let answer = self.call_within(HEALTH_PATIENCE, "GET", "/healthz", "text/plain", b"")?;
        if answer.status == 200 { Ok(()) } else { bail!("GET /healthz: {}", answer.status) }
    }

    /// The events from now on, or, with `after`, those that came after this id.
    ///
    /// # Errors
    /// The stream was refused.
    pub(crate) fn events(&self, after: Option<&str>) -> Result<Events> {
        let query = after.map_or(String::new(), |id| format!("?after={id}"));
        let path = format!("/api/v1/events{query}");
        let connection = Connection::open(self.address, EVENTS_PATIENCE).context("the events: no answer")?;
        let head = self.head("GET", &path, 0, "accept: text/event-stream\r\n");
        let (head, mut lines) = connection.stream(head.as_bytes()).context("the events: no answer")?;
        if head.status != 200 {
            let said = lines.next().ok().flatten().unwrap_or_default();
            bail!("GET {path}: {}: {said}", head.status);
        }
        Ok(Events(lines))
    }
}

impl Events {
    /// The next event; `None` when the server ends the stream.
    ///
    /// # Errors
    /// The connection broke or was silent for longer than the comments of the stream allow.
    pub(crate) fn next(&mut self) -> Result<Option<Event>> {
        let (mut kind, mut data) = (String::new(), String::new());
        while let Some(line) = self.0.next().context("the stream of events broke")? {
            if let Some(value) = field(&line, "event") {
                value.clone_into(&mut kind);
            } else if let Some(value) = field(&line, "data") {
                data.push_str(value);
            } else if line.is_empty() && !(kind.is_empty() && data.is_empty()) {
                let data = serde_json::from_str(&data)
                    .with_context(|| format!("the data of the event `{kind}` is not JSON: {data}"))?;
                return Ok(Some(Event { kind, data }));
            }
        }
        Ok(None)
    }
}

fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.strip_prefix(name)?.strip_prefix(':').map(|value| value.strip_prefix(' ').unwrap_or(value))
}

/// A value as it may stand in a query.
pub(crate) fn escaped(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    value
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Reply, serve};

    #[test]
    fn events_are_read_across_chunks() {
        let api = serve(|request| {
            assert_eq!(request.path, "/api/v1/events?after=0-0");
            Reply::Chunks(vec![
                ": hello\n\nid: 1-0\nevent: detec",
                "tion_opened\ndata: {\"detection\":",
                "{\"system_id\":\"a\"}}\n\n: still here\n\nevent: gap\ndata: {}\n\n",
            ])
        });
        let mut events = api.events(Some("0-0")).unwrap();
        let first = events.next().unwrap().unwrap();
        assert_eq!((&*first.kind, &first.data["detection"]["system_id"]), ("detection_opened", &"a".into()));
        assert_eq!(events.next().unwrap().unwrap().kind, "gap");
        assert!(events.next().unwrap().is_none());
    }

    #[test]
    fn pages_are_followed_to_the_last() {
        let api = serve(|request| {
            let page = match request.path.as_str() {
                "/things?limit=2&of=a" => r#"{"things":[1,2],"next_cursor":"a b"}"#,
                "/things?limit=2&of=a&cursor=a%20b" => r#"{"things":[3],"next_cursor":null}"#,
                other => unreachable!("{other}"),
            };
            Reply::Whole(200, "", page.to_owned())
        });
        assert_eq!(api.pages("/things", "things", 2, "&of=a").unwrap(), [1, 2, 3]);
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let api = serve(|_| Reply::Whole(409, "", r#"{"detail":"needs approve_imports"}"#.to_owned()));
        let error = api.send("DELETE", "/api/v1/plugins/a", &Value::Null).unwrap_err().to_string();
        assert!(error.contains("409") && error.contains("needs approve_imports"), "{error}");
    }
}
