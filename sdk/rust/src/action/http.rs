//! Requests over HTTP: how they are made and signed, and what their answers mean.

use serde::Serialize;

use super::{Failure, Host, HttpRequest, Request};
use crate::bindings::action::lapwing::plugin::http as wit;

pub use wit::Response;

/// Characters of an answer that a failure quotes.
const QUOTED_CHARS_MAX: usize = 200;

impl HttpRequest {
    fn new(method: &str, url: &str) -> Self {
        Self { method: method.to_owned(), url: url.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    /// A POST without a body yet.
    #[must_use]
    pub fn post(url: &str) -> Self {
        Self::new("POST", url)
    }

    /// A DELETE.
    #[must_use]
    pub fn delete(url: &str) -> Self {
        Self::new("DELETE", url)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(wit::Header { name: name.to_owned(), value: value.to_owned() });
        self
    }

    /// Takes `body` as JSON.
    #[must_use]
    pub fn json(mut self, body: &(impl Serialize + ?Sized)) -> Self {
        // What actions send are maps with text keys, which always can be written.
        self.body = serde_json::to_vec(body).unwrap_or_default();
        self.header("Content-Type", "application/json")
    }
}

impl Response {
    /// The value of a header, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        header.map(|header| header.value.as_str())
    }

    /// Whether the other side took the request: 2xx.
    ///
    /// # Errors
    /// 408, 425, 429 and 5xx may be tried again, not before `Retry-After` where that is given in seconds. Anything else
    /// is permanent.
    pub fn settled(self) -> Result<Self, Failure> {
        let reason = match self.status {
            200..=299 => return Ok(self),
            300..=399 => format!("answered {}: redirects are not followed, correct the address", self.status),
            status => match self.first_line() {
                line if line.is_empty() => format!("answered {status}"),
                line => format!("answered {status}: {line}"),
            },
        };
        if !matches!(self.status, 408 | 425 | 429 | 500..=599) {
            return Err(Failure::permanent(reason));
        }
        let after = self.header("Retry-After").and_then(|text| text.trim().parse::<u32>().ok());
        Err(Failure { reason, retry: true, after_s: after.map(f64::from) })
    }

    fn first_line(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        line.chars().filter(|c| !c.is_control()).take(QUOTED_CHARS_MAX).collect()
    }
}

/// Adds what lets the other side recognise a second copy and a forgery: `Idempotency-Key`, `X-Lapwing-Timestamp` (whole
/// seconds since the Unix epoch) and `X-Lapwing-Signature: v1=` with the HMAC-SHA-256, in hexadecimal, of the timestamp,
/// a dot and the body under the secret of this name. Call it when the body is complete.
///
/// # Errors
/// The secret is not there or not granted.
pub fn signed(
    http: HttpRequest,
    request: &Request,
    secret: &str,
    host: &dyn Host,
) -> Result<HttpRequest, Failure> {
    let timestamp = (request.now.max(0.0) as u64).to_string();
    let message = [timestamp.as_bytes(), b".", &http.body].concat();
    let signature = host.sign(secret, &message).map_err(Failure::permanent)?;
    Ok(http
        .header("Idempotency-Key", &request.key)
        .header("X-Lapwing-Timestamp", &timestamp)
        .header("X-Lapwing-Signature", &format!("v1={signature}")))
}

/// Checks that a setting is the address of an endpoint: `https://` or `http://`, a host, no user, no fragment, nothing
/// that is not ASCII or would have to be escaped.
///
/// # Errors
/// A sentence that names the setting, but does not repeat the address: some addresses are secrets.
pub fn endpoint(setting: &str, url: &str) -> Result<(), String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let Some(rest) = rest else {
        return Err(format!("{setting} is no address; it begins with https:// or http://"));
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.is_empty() || authority.starts_with(':') {
        return Err(format!("{setting} names no host; it looks like https://example.com/path"));
    }
    if authority.contains('@') {
        return Err(format!("{setting} has a user or password in it, which is not sent"));
    }
    match url.chars().find(|&c| !c.is_ascii_graphic() || "\"<>\\^`{|}#".contains(c)) {
        Some(c) => Err(format!("{setting} contains {c:?}, which cannot stand in an address")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, retry_after: Option<&str>, body: &str) -> Response {
        let header = |value: &str| wit::Header { name: "retry-after".to_owned(), value: value.to_owned() };
        Response { status, headers: retry_after.map(header).into_iter().collect(), body: body.into() }
    }

    #[test]
    fn a_status_says_whether_to_try_again() {
        for status in [200, 202, 204, 299] {
            assert!(response(status, None, "").settled().is_ok(), "{status}");
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            let failure = response(status, None, "").settled().unwrap_err();
            assert!(failure.retry && failure.after_s.is_none(), "{failure:?}");
            let failure = response(status, Some(" 120 "), "").settled().unwrap_err();
            assert_eq!(failure.after_s, Some(120.0));
        }
        for status in [0, 100, 301, 307, 400, 401, 403, 404, 409, 410, 422, 600] {
            let failure = response(status, Some("120"), "").settled().unwrap_err();
            assert!(!failure.retry && failure.after_s.is_none(), "{failure:?}");
        }
    }

    #[test]
    fn a_wait_that_is_no_number_of_seconds_is_left_to_the_host() {
        for text in ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1e3", "NaN", ""] {
            let failure = response(503, Some(text), "").settled().unwrap_err();
            assert!(failure.retry && failure.after_s.is_none(), "{text}");
        }
    }

    #[test]
    fn a_failure_quotes_the_first_line_of_the_answer() {
        let failure = response(400, None, "\n invalid_payload \nmore").settled().unwrap_err();
        assert_eq!(failure.reason, "answered 400: invalid_payload");
        let failure = response(500, None, &"x".repeat(1 << 20)).settled().unwrap_err();
        assert!(failure.reason.len() < 230);
    }

    #[test]
    fn an_endpoint_is_checked_without_being_repeated() {
        for good in ["https://a.example", "http://127.0.0.1:9093/x?y=1", "https://[::1]:8443/%20"] {
            assert_eq!(endpoint("url", good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "a.example",
            "ftp://a",
            "https://",
            "https://:80",
            "https://u:p@a",
            "https://a/ b",
            "https://a#b",
        ] {
            let problem = endpoint("endpoints.default", bad).unwrap_err();
            assert!(problem.starts_with("endpoints.default ") && !problem.contains("a.example"), "{problem}");
        }
    }
}
