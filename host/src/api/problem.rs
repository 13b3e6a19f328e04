//! What went wrong, as clients get it: problem documents of RFC 9457.
//!
//! A [`Problem`] becomes text in the outermost layer only, which knows the path that was asked for. The same layer turns
//! what the framework refuses on its own (a path or a query that cannot be read) into problems.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::access::Denied;
use crate::service::{ChangeError, CommitError};

/// The content type of a problem document.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";
/// How much of the framework's own words is kept.
const WORDS_BYTES: usize = 4096;
/// Members that every problem has; nothing else may take their names.
const COMMON: [&str; 5] = ["type", "title", "status", "detail", "instance"];

/// Why a request was not done.
#[derive(Clone, Debug)]
pub struct Problem(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    status: StatusCode,
    slug: Cow<'static, str>,
    detail: String,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What went wrong (RFC 9457). Kinds of problems add members of their own, such as `errors` or `retry_after_s`.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemDocument {
    /// The kind: `/problems/<slug>`.
    pub r#type: String,
    /// The kind, for people.
    pub title: String,
    /// The status of the answer.
    pub status: u16,
    /// What was wrong and what would be right.
    pub detail: String,
    /// The path that was asked for.
    pub instance: String,
}

impl Problem {
    /// A problem of the kind `slug`.
    pub(super) fn new(
        status: StatusCode,
        slug: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        Self(Box::new(Inner {
            status,
            slug: slug.into(),
            detail: detail.into(),
            members: Map::new(),
            headers: Vec::new(),
        }))
    }

    /// Adds a member of its kind.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if !COMMON.contains(&name) {
            self.0.members.insert(name.to_owned(), value.into());
        }
        self
    }

    /// Adds a header of the answer.
    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Says when to come again.
    pub(super) fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, seconds.into()).with("retry_after_s", seconds)
    }

    /// What was wrong.
    pub(super) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What was asked cannot be understood.
    pub(super) fn invalid_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-request", detail)
    }

    /// There is no such thing.
    pub(super) fn unknown(what: &str, name: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("unknown-{what}"), format!("there is no {what} {name}"))
    }

    /// There is no such path.
    pub(super) fn not_found(path: &str) -> Self {
        let detail = format!("found the path {path}, expected one of those in /openapi.json");
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// The path does not know the method.
    pub(super) fn method_not_allowed(method: &Method, path: &str) -> Self {
        let detail = format!("{path} does not know {method}; the header Allow lists what it knows");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
    }

    /// More bytes than are taken.
    pub(super) fn too_large(what: &str, limit: usize) -> Self {
        let detail = format!("{what} is larger than {limit} bytes; send it in parts");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail).with("limit_bytes", limit)
    }

    /// Asked too often.
    pub(super) fn rate_limited(per_s: u32, wait: Duration) -> Self {
        let detail = format!("more than {per_s} requests a second came from this sender");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", detail)
            .retry_after(wait.as_secs_f64().ceil().max(1.0) as u64)
    }

    /// It took too long.
    pub(super) fn timed_out(limit_s: f64) -> Self {
        let detail = format!("not done within {limit_s} s; what it asked for may still take effect");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "timed-out", detail).retry_after(1)
    }

    /// A defect of the server. Its words go to the log, not to the client.
    pub(super) fn internal(error: &dyn Display) -> Self {
        tracing::error!(%error, "a defect");
        let detail = "the server has a defect; its log says more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal-error", detail)
    }

    fn into_document(self, path: &str) -> Response {
        let Inner { status, slug, detail, members, headers } = *self.0;
        let mut title = slug.replace('-', " ");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let mut document = json!({
            "type": format!("/problems/{slug}"),
            "title": title,
            "status": status.as_u16(),
            "detail": detail,
            "instance": path,
        });
        if let Value::Object(document) = &mut document {
            document.extend(members);
        }
        let mut response = (status, document.to_string()).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        response.headers_mut().extend(headers);
        response
    }
}

/// Carries the problem out to `render`, which writes it.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the problem of an answer, whoever found it.
pub(super) async fn render(response: Response, path: &str) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let problem = if let Some(problem) = parts.extensions.remove::<Problem>() {
        problem
    } else if parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json") {
        return Response::from_parts(parts, body);
    } else {
        framework(status, body).await
    };
    let mut response = problem.clone().into_document(path);
    if let Some(allow) = parts.headers.remove(header::ALLOW) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response.extensions_mut().insert(problem);
    response
}

/// The problem that the framework found on its own.
async fn framework(status: StatusCode, body: Body) -> Problem {
    let words = axum::body::to_bytes(body, WORDS_BYTES).await.unwrap_or_default();
    let words = String::from_utf8_lossy(&words);
    let reason = status.canonical_reason().unwrap_or("failure");
    let slug = match status {
        StatusCode::BAD_REQUEST => Cow::Borrowed("invalid-request"),
        _ => Cow::Owned(reason.to_lowercase().replace(' ', "-")),
    };
    Problem::new(status, slug, if words.is_empty() { reason.to_owned() } else { words.into_owned() })
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        if let Denied::NotForUs(reason) = &denied {
            tracing::info!(reason, "a JWT was refused");
        }
        let detail = denied.to_string();
        let challenge = match denied {
            Denied::Role { .. } => return Self::new(StatusCode::FORBIDDEN, "forbidden", detail),
            Denied::Missing => "Bearer",
            _ => r#"Bearer error="invalid_token""#,
        };
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }
}

impl From<CommitError> for Problem {
    fn from(error: CommitError) -> Self {
        let detail = error.to_string();
        let unavailable = |slug| Self::new(StatusCode::SERVICE_UNAVAILABLE, slug, detail.clone());
        match error {
            CommitError::QueueFull { waiting_rows, limit_rows } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "queue-full", detail)
                    .with("waiting_rows", waiting_rows)
                    .with("limit_rows", limit_rows)
                    .retry_after(1)
            }
            CommitError::Unwritable(_) => unavailable("store-unwritable").retry_after(5),
            CommitError::Draining => unavailable("shutting-down").retry_after(5),
            CommitError::Starting => unavailable("starting").retry_after(1),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        let detail = error.to_string();
        match error {
            ChangeError::Unknown { what, name } => Self::unknown(what, name),
            ChangeError::Invalid { kind, problems } => {
                Self::new(StatusCode::BAD_REQUEST, kind, detail).with("problems", problems)
            }
            ChangeError::Conflict { kind, members, .. } => members
                .into_iter()
                .fold(Self::new(StatusCode::CONFLICT, kind, detail), |problem, (name, value)| {
                    problem.with(&name, value)
                }),
            ChangeError::Forbidden { kind, .. } => Self::new(StatusCode::FORBIDDEN, kind, detail),
            ChangeError::Unwritable(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "store-unwritable", detail).retry_after(5)
            }
        }
    }
}
