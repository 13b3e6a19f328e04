//! The stream of events, for listeners that come back and go on where they were.
//!
//! A listener first gets what it missed, read from the store piece by piece, then what happens. One that is too slow for
//! the live channel is sent back to the store, so it loses nothing that is still kept, and memory stays bounded.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Instant, interval_at};
use tokio_stream::Stream;
use utoipa::IntoParams;

use super::{Api, Problem, ProblemDocument};
use crate::access::Right;
use crate::service::{Published, Subscription};

/// Events read from the store at once.
const PIECE: usize = 256;
/// Events that wait for a slow connection.
const WAITING: usize = 64;
/// Between two comments that keep the connection open, and between two looks at the listener's token.
const QUIET: Duration = Duration::from_secs(15);

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// The id of the last event seen. 0 begins at the oldest kept; without it the stream begins now.
    after: Option<u64>,
}

/// Streams events as they happen.
///
/// Server-sent events with plain sequence numbers as ids. A listener that lost its connection sends the header
/// `Last-Event-ID` and goes on where it was; if that is no longer kept, the first event is `gap`. A comment comes every
/// 15 seconds.
#[utoipa::path(get, path = "/api/v1/events", tag = "reading",
    params(EventsQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "As `after`, and stronger than it")),
    responses(
        (status = 200, description = "The stream", body = String, content_type = "text/event-stream"),
        (status = 429, description = "Too many listeners (`too-many-listeners`)", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn listen(
    State(api): State<Api>,
    headers: HeaderMap,
    Query(query): Query<EventsQuery>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let after = match headers.get("last-event-id") {
        None => query.after,
        Some(value) => {
            Some(value.to_str().ok().and_then(|text| text.trim().parse().ok()).ok_or_else(|| {
                Problem::invalid_request(
                    "Last-Event-ID: found something else, expected the id of an event: 123",
                )
            })?)
        }
    };
    let place = Arc::clone(&api.listeners).try_acquire_owned().map_err(|_| {
        let most = api.settings.events_listeners_max;
        let detail = format!("{most} listeners are connected, and no more are allowed");
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-listeners", detail).retry_after(10)
    })?;
    // Made before the answer begins: what happens after the answer's first byte is not missed.
    let subscription = api.blocking(move |service| service.subscribe(after)).await?;
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let _place = place;
        let mut stopping = api.stopping.clone();
        let listener = Listener { api, headers, last: after, sender };
        tokio::select! {
            () = listener.sent_away(&mut stopping) => {}
            () = listener.clone().run(subscription) => {}
        }
    });
    Ok(Sse::new(Events(receiver)).keep_alive(KeepAlive::new().interval(QUIET).text("still here")))
}

/// What a connection reads.
struct Events(Receiver<Event>);

impl Stream for Events {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|event| event.map(Ok))
    }
}

/// The connection is gone, or the service is.
struct Over;

#[derive(Clone)]
struct Listener {
    api: Api,
    headers: HeaderMap,
    /// The last event sent, or asked for.
    last: Option<u64>,
    sender: Sender<Event>,
}

impl Listener {
    /// Waits for a reason to end: the server stops, the connection is gone, the token is no longer good.
    async fn sent_away(&self, stopping: &mut tokio::sync::watch::Receiver<bool>) {
        let mut looks = interval_at(Instant::now() + QUIET, QUIET);
        loop {
            tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return,
                () = self.sender.closed() => return,
                _ = looks.tick() => {
                    if self.api.let_in(&self.headers, Right::Read).is_err() {
                        return;
                    }
                }
            }
        }
    }

    async fn run(mut self, mut subscription: Subscription) {
        loop {
            let Ok(behind) = self.follow(subscription).await else { return };
            self.last = self.last.or(behind);
            let after = self.last;
            match self.api.blocking(move |service| service.subscribe(after)).await {
                Ok(again) => subscription = again,
                Err(_) => return,
            }
        }
    }

    /// Sends until the listener is too slow for the channel. Then says what to go on after, should nothing have been
    /// sent yet.
    async fn follow(&mut self, subscription: Subscription) -> Result<Option<u64>, Over> {
        let Subscription { mut missed, gap, mut live } = subscription;
        if gap && self.last != Some(0) {
            let data = json!({"event": "gap", "after": self.last}).to_string();
            self.sender.send(Event::default().event("gap").data(data)).await.map_err(|_| Over)?;
        }
        loop {
            let read = tokio::task::spawn_blocking(move || {
                let piece: Vec<_> = missed.by_ref().take(PIECE).collect();
                (missed, piece)
            });
            let (rest, piece) = read.await.map_err(|_| Over)?;
            let done = piece.is_empty();
            for published in piece {
                self.send(published).await?;
            }
            if done {
                break;
            }
            missed = rest;
        }
        loop {
            match live.recv().await {
                Ok(published) => self.send(published).await?,
                Err(RecvError::Closed) => return Err(Over),
                Err(RecvError::Lagged(lost)) => {
                    let Ok(next) = live.recv().await else { return Ok(None) };
                    return Ok(Some(next.sequence.saturating_sub(lost + 1)));
                }
            }
        }
    }

    async fn send(&mut self, published: Published) -> Result<(), Over> {
        if self.last.is_some_and(|last| published.sequence <= last) {
            return Ok(());
        }
        self.last = Some(published.sequence);
        let event =
            Event::default().id(published.sequence.to_string()).event(published.event).data(&*published.data);
        self.sender.send(event).await.map_err(|_| Over)
    }
}
