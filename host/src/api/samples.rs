//! Taking samples in: the one hot path. The body is decompressed and decoded on a blocking thread, and kept before
//! anything is answered; no row is looked at here.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;

use super::body::Input;
use super::{Api, Problem, ProblemDocument, body};
use crate::access::Principal;
use crate::ingest::Scope;
use crate::service::{Admitted, Receipt, Service};
use crate::time::Millis;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const KEY_BYTES_MAX: usize = 128;
/// What bodies under way are counted in.
pub(super) const UNIT_BYTES: usize = 1024;
/// Window of zstd up to 8 MiB, as RFC 8878 asks for: what a frame may make us allocate at once.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Decompressed text is usually this much larger; only a first guess of what to allocate.
const USUAL_RATIO: usize = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

/// Takes samples in.
///
/// One JSON object, a JSON array of objects, or NDJSON; which one is told from the body itself. When it is answered with
/// 200, the accepted rows are on the disk. Rows that are refused do not hinder the others.
#[utoipa::path(
    post, path = "/api/v1/samples", tag = "samples",
    params(
        ("Idempotency-Key" = Option<String>, Header,
            description = "1 to 128 visible ASCII characters. Seen before: nothing is taken in again, and the first \
                           answer is repeated with `replayed: true`."),
        ("Content-Encoding" = Option<String>, Header, description = "`gzip`, `zstd` or `identity`"),
    ),
    request_body(
        content(
            (Vec<Object> = "application/json", example = json!([{
                "system_id": "web-001", "system_type": "web_server", "timestamp": "2026-01-31T08:00:00Z",
                "cpu_usage": 42.5
            }])),
            (String = "application/x-ndjson"),
        ),
        description = "The samples",
    ),
    responses(
        (status = 200, description = "What became of the rows", body = Receipt),
        (status = 400, description = "No row was accepted (`no-row-accepted`, with `errors`), or the request cannot \
                                      be understood", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "Too large, compressed or decompressed (`too-large`)", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 415, description = "An encoding that is not known (`unknown-encoding`)", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
)]
pub(super) async fn take_in(
    State(api): State<Api>,
    Extension(by): Extension<Principal>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Receipt>, Problem> {
    read_and_keep(&api, &by, &headers, body, false).await
}

/// Takes signs of life in: rows that need no more than a `system_id`.
///
/// They are samples whose time, unless given, is that of their arrival; all else is as for samples.
#[utoipa::path(
    post, path = "/api/v1/heartbeats", tag = "samples",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "As for samples"),
        ("Content-Encoding" = Option<String>, Header, description = "`gzip`, `zstd` or `identity`"),
    ),
    request_body(
        content(
            (Vec<Object> = "application/json", example = json!([{ "system_id": "backup-job" }])),
            (String = "application/x-ndjson"),
        ),
        description = "The systems that live",
    ),
    responses(
        (status = 200, description = "What became of the rows", body = Receipt),
        (status = 400, description = "No row was accepted (`no-row-accepted`, with `errors`), or the request cannot \
                                      be understood", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn heartbeats(
    State(api): State<Api>,
    Extension(by): Extension<Principal>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Receipt>, Problem> {
    read_and_keep(&api, &by, &headers, body, true).await
}

/// Takes one sign of life in, for whatever can call a URL.
#[utoipa::path(
    post, path = "/api/v1/systems/{id}/ping", tag = "samples",
    params(("id" = String, Path, description = "The system")),
    responses((status = 200, description = "It is on the disk", body = Receipt)),
)]
pub(super) async fn ping(
    State(api): State<Api>,
    Extension(by): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Json<Receipt>, Problem> {
    keep_row(&api, &by, json!({ "system_id": id })).await
}

/// When a system means to be back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Goodbye {
    /// When its next sample is due (RFC 3339).
    #[schema(value_type = String, format = DateTime)]
    returns_at: Millis,
    /// Why, for people.
    #[serde(default)]
    reason: String,
}

/// Says that a system goes away on purpose, and until when: until then its silence is nothing.
///
/// Whoever may send the system's samples may say so. Any later sample of it ends its absence.
#[utoipa::path(
    post, path = "/api/v1/systems/{id}/goodbye", tag = "samples",
    params(("id" = String, Path, description = "The system")),
    request_body(content = Goodbye),
    responses((status = 200, description = "It is on the disk", body = Receipt)),
)]
pub(super) async fn goodbye(
    State(api): State<Api>,
    Extension(by): Extension<Principal>,
    Path(id): Path<String>,
    Input(goodbye): Input<Goodbye>,
) -> Result<Json<Receipt>, Problem> {
    let text = format!("{} {}", goodbye.returns_at, goodbye.reason);
    let name = api.service.goodbye_metric();
    keep_row(&api, &by, json!({ "system_id": id, "custom_metrics": { name: text.trim_end() } })).await
}

/// Keeps one row that the server has written itself.
async fn keep_row(api: &Api, by: &Principal, row: serde_json::Value) -> Result<Json<Receipt>, Problem> {
    let scope = Scope::new(by.systems.clone());
    keep(api, None, move |service| Ok(service.admit(row.to_string().as_bytes(), scope, true))).await
}

async fn read_and_keep(
    api: &Api,
    by: &Principal,
    headers: &HeaderMap,
    body: Body,
    timeless: bool,
) -> Result<Json<Receipt>, Problem> {
    let limit = api.settings.body_bytes_max;
    let (key, encoding, _room) = match understood(api, headers, limit) {
        Ok(understood) => understood,
        Err(refusal) => {
            body::drain(body, limit).await;
            return Err(refusal);
        }
    };
    let cap = api.settings.decompressed_bytes_max;
    let body = body::read(headers, body, limit, api.settings.body_timeout()).await?;
    let scope = Scope::new(by.systems.clone());
    keep(api, key, move |service| {
        decompress(encoding, &body, cap).map(|rows| service.admit(&rows, scope, timeless))
    })
    .await
}

/// Keeps rows, when it is their turn to be decoded, and says what became of them.
async fn keep(
    api: &Api,
    key: Option<String>,
    decode: impl FnOnce(&Service) -> Result<Admitted, Problem> + Send + 'static,
) -> Result<Json<Receipt>, Problem> {
    let turn = Arc::clone(&api.decoders).acquire_owned().await.map_err(|error| Problem::internal(&error))?;
    let admitted = api
        .blocking(move |service| {
            let _turn = turn;
            decode(service)
        })
        .await??;
    // A client that goes away must not leave a commit half made.
    let service = Arc::clone(&api.service);
    let receipt = tokio::spawn(async move { service.commit(admitted, key.as_deref()).await })
        .await
        .map_err(|error| Problem::internal(&error))??;
    if receipt.accepted == 0 && receipt.refused > 0 {
        return Err(no_row_accepted(&receipt));
    }
    Ok(Json(receipt))
}

/// What the headers say, and room for the body that they announce: whoever is turned away has cost nothing yet.
fn understood(
    api: &Api,
    headers: &HeaderMap,
    limit: usize,
) -> Result<(Option<String>, Encoding, OwnedSemaphorePermit), Problem> {
    let key = idempotency_key(headers)?;
    let encoding = encoding(headers)?;
    let bytes = body::announced(headers).unwrap_or(limit).min(limit);
    let units = bytes.div_ceil(UNIT_BYTES).max(1) as u32;
    let room = Arc::clone(&api.waiting).try_acquire_many_owned(units).map_err(|_| {
        api.service.turned_away();
        let detail = "the bodies under way are as many bytes as there may be".to_owned();
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "queue-full", detail)
            .with("limit_bytes", api.settings.waiting_bytes_max)
            .retry_after(1)
    })?;
    Ok((key, encoding, room))
}

fn no_row_accepted(receipt: &Receipt) -> Problem {
    let first = receipt.errors.first().map(|error| format!("; row {}: {}", error.row, error.detail));
    let detail = format!("all {} rows were refused{}", receipt.refused, first.unwrap_or_default());
    Problem::new(StatusCode::BAD_REQUEST, "no-row-accepted", detail)
        .with("accepted", 0)
        .with("refused", receipt.refused)
        .with("errors", json!(receipt.errors))
        .with("replayed", receipt.replayed)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let wrong = |found: String| {
        let detail = format!(
            "Idempotency-Key: found {found}, expected once 1 to {KEY_BYTES_MAX} visible ASCII characters"
        );
        Problem::new(StatusCode::BAD_REQUEST, "invalid-idempotency-key", detail)
    };
    if values.next().is_some() {
        return Err(wrong("it more than once".to_owned()));
    }
    let bytes = value.as_bytes();
    match value.to_str() {
        Ok(text) if !bytes.is_empty() && bytes.iter().all(u8::is_ascii_graphic) => {
            if bytes.len() > KEY_BYTES_MAX {
                return Err(wrong(format!("{} characters", bytes.len())));
            }
            Ok(Some(text.to_owned()))
        }
        Ok("") => Err(wrong("nothing".to_owned())),
        _ => Err(wrong("other characters".to_owned())),
    }
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
    let Some(value) = values.next() else { return Ok(Encoding::Identity) };
    let text = value.to_str().unwrap_or("other characters").trim();
    let known = [
        ("identity", Encoding::Identity),
        ("gzip", Encoding::Gzip),
        ("x-gzip", Encoding::Gzip),
        ("zstd", Encoding::Zstd),
    ];
    let found = known.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
    match (found, values.next()) {
        (Some((_, encoding)), None) => Ok(*encoding),
        _ => {
            let detail = format!("Content-Encoding: found {text}, expected one of gzip, zstd, identity");
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unknown-encoding", detail)
                .header(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd, identity")))
        }
    }
}

/// The rows as text. Stops as soon as more than `cap` bytes come out.
fn decompress(encoding: Encoding, body: &[u8], cap: usize) -> Result<Cow<'_, [u8]>, Problem> {
    let read = match encoding {
        Encoding::Identity => return Ok(Cow::Borrowed(body)),
        Encoding::Gzip => drain(flate2::bufread::MultiGzDecoder::new(body), body.len(), cap),
        Encoding::Zstd => zstd_decoder(body).and_then(|decoder| drain(decoder, body.len(), cap)),
    };
    let rows = read.map_err(|error| {
        let detail = format!("the body is not {encoding:?}, which Content-Encoding announces: {error}");
        Problem::new(StatusCode::BAD_REQUEST, "invalid-encoding", detail)
    })?;
    if rows.len() > cap {
        return Err(Problem::too_large("the decompressed body", cap));
    }
    Ok(Cow::Owned(rows))
}

fn zstd_decoder<'a, B: BufRead>(body: B) -> io::Result<zstd::stream::read::Decoder<'a, B>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(decoder)
}

/// At most one byte more than `cap`.
fn drain(decoder: impl Read, compressed: usize, cap: usize) -> io::Result<Vec<u8>> {
    let mut rows = Vec::with_capacity(compressed.saturating_mul(USUAL_RATIO).min(cap));
    decoder.take(cap as u64 + 1).read_to_end(&mut rows)?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: usize = 1 << 20;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        io::Write::write_all(&mut encoder, text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_was_compressed_comes_out() {
        let text = br#"{"a":1}"#.repeat(1000);
        for (encoding, body) in [
            (Encoding::Identity, text.clone()),
            (Encoding::Gzip, gzip(&text)),
            (Encoding::Zstd, zstd::encode_all(&*text, 3).unwrap()),
            (Encoding::Gzip, [gzip(&text[..70]), gzip(&text[70..])].concat()),
        ] {
            assert_eq!(*decompress(encoding, &body, CAP).unwrap(), *text, "{encoding:?}");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_cap() {
        let bomb = vec![b' '; 64 * CAP];
        for (encoding, body) in
            [(Encoding::Gzip, gzip(&bomb)), (Encoding::Zstd, zstd::encode_all(&*bomb, 19).unwrap())]
        {
            assert!(
                decompress(encoding, &body, CAP).unwrap_err().detail().contains("larger"),
                "{encoding:?}"
            );
            let read = match encoding {
                Encoding::Gzip => drain(flate2::bufread::MultiGzDecoder::new(&*body), body.len(), CAP),
                _ => drain(zstd_decoder(&*body).unwrap(), body.len(), CAP),
            };
            assert_eq!(read.unwrap().len(), CAP + 1);
        }
        assert_eq!(decompress(Encoding::Gzip, &gzip(&bomb[..CAP]), CAP).unwrap().len(), CAP);
    }

    #[test]
    fn a_window_that_is_too_large_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(27).unwrap();
        io::Write::write_all(&mut encoder, b"{}").unwrap();
        let body = encoder.finish().unwrap();
        let problem = decompress(Encoding::Zstd, &body, CAP).unwrap_err();
        assert!(problem.detail().contains("not Zstd"), "{}", problem.detail());
    }

    #[test]
    fn a_damaged_body_is_told_apart() {
        let mut body = gzip(b"{}");
        body.truncate(12);
        assert!(decompress(Encoding::Gzip, &body, CAP).unwrap_err().detail().contains("not Gzip"));
    }
}
