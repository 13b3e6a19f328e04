//! Request bodies: read up to a limit and within a time, copied as little as possible.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use tokio_stream::StreamExt as _;

use super::{Api, Problem};

/// More than any change of a rule or a token needs.
const JSON_BYTES_MAX: usize = 1 << 20;
/// So much beyond the limit is read and thrown away, so that the client is done with sending when the refusal comes:
/// a connection closed over unread bytes takes the refusal with it.
const COURTESY_BYTES: usize = 4 << 20;
/// And for so long.
const COURTESY_TIME: Duration = Duration::from_secs(5);

/// How long the body is, as its sender says; `None`: it does not.
pub(super) fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok())
}

/// The whole body. A body that came in one piece is not copied.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    within: Duration,
) -> Result<Bytes, Problem> {
    tokio::time::timeout(within, collect(headers, body, limit)).await.map_err(|_| {
        let detail = format!("the body did not arrive within {} s", within.as_secs_f64());
        Problem::new(StatusCode::REQUEST_TIMEOUT, "slow-body", detail)
    })?
}

/// Reads on after a refusal, and throws away what comes: as much as might have been right, and not for long.
pub(super) async fn drain(body: Body, limit: usize) {
    let mut chunks = body.into_data_stream();
    let reading = async {
        let mut left = limit + COURTESY_BYTES;
        while let Some(Ok(chunk)) = chunks.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                break;
            }
        }
    };
    if tokio::time::timeout(COURTESY_TIME, reading).await.is_err() {
        tracing::debug!("the sender of a refused body was slow");
    }
}

async fn collect(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Problem> {
    let announced = announced(headers);
    let announced: usize = announced.unwrap_or(0);
    let mut chunks = body.into_data_stream();
    let mut whole = Vec::new();
    // Held back until it is known whether another one follows.
    let mut last = Bytes::new();
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(broken)?;
        length += chunk.len();
        if length.max(announced) > limit {
            (whole, last) = (Vec::new(), Bytes::new());
            if length > limit + COURTESY_BYTES {
                break;
            }
        } else if last.is_empty() {
            last = chunk;
        } else {
            whole.reserve(announced.max(length) - whole.len());
            whole.extend_from_slice(&last);
            last = chunk;
        }
    }
    if length.max(announced) > limit {
        return Err(Problem::too_large("the body", limit));
    }
    if whole.is_empty() {
        return Ok(last);
    }
    whole.extend_from_slice(&last);
    Ok(whole.into())
}

#[expect(clippy::needless_pass_by_value, reason = "it ends an error's way")]
fn broken(error: axum::Error) -> Problem {
    Problem::invalid_request(format!("the body ended early: {error}"))
}

/// A JSON body, whatever content type it claims: everything with a token sends JSON here.
pub(super) struct Input<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Api> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        parse(&json_bytes(request, api).await?).map(Self)
    }
}

/// A JSON body that may be left out.
pub(super) struct OptionalInput<T>(pub(super) T);

impl<T: DeserializeOwned + Default> FromRequest<Api> for OptionalInput<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let bytes = json_bytes(request, api).await?;
        if bytes.trim_ascii().is_empty() { Ok(Self(T::default())) } else { parse(&bytes).map(Self) }
    }
}

async fn json_bytes(request: Request, api: &Api) -> Result<Bytes, Problem> {
    let (parts, body) = request.into_parts();
    read(&parts.headers, body, JSON_BYTES_MAX, api.settings.body_timeout()).await
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Problem::invalid_request(format!("the body: {error}")),
        _ => {
            let detail = format!("the body is not JSON: {error}");
            Problem::new(StatusCode::BAD_REQUEST, "invalid-json", detail)
        }
    })
}
