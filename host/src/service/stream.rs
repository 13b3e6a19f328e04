//! The stream of events: numbered, kept for a while, and told to whoever listens.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};
use tokio::sync::broadcast;

use super::tables::{KeptEvent, Tables};
use crate::limits::EVENTS_UNDER_WAY;
use crate::store::{Store, StoreError, Writes};
use crate::time::Millis;

/// One event of the stream.
#[derive(Clone, Debug)]
pub struct Published {
    /// From 1, without gaps.
    pub sequence: u64,
    /// What happened: `detection_opened`.
    pub event: Arc<str>,
    /// A JSON object.
    pub data: Arc<str>,
}

/// What a listener gets: what it missed, then what comes.
pub struct Subscription {
    /// Events after the one asked for, read as they are taken.
    pub missed: Box<dyn Iterator<Item = Published> + Send>,
    /// What was asked for is no longer kept.
    pub gap: bool,
    /// Events from now on. May begin with some that were missed; skip numbers that are not above the last one.
    pub live: broadcast::Receiver<Published>,
}

/// The stream.
pub(super) struct Stream {
    tables: Tables,
    /// The number of the next event. Held while one is written, so that they are told in order.
    next: Mutex<u64>,
    oldest: AtomicU64,
    /// Events before this number are on the disk.
    durable: Arc<AtomicU64>,
    store: Store,
    live: broadcast::Sender<Published>,
}

impl Stream {
    pub(super) fn open(store: &Store, tables: &Tables) -> Result<Self, StoreError> {
        let newest = tables.events.last_key()?.unwrap_or(0);
        let oldest = tables.events.iter().next().transpose()?.map_or(newest + 1, |(sequence, _)| sequence);
        Ok(Self {
            tables: tables.clone(),
            next: Mutex::new(newest + 1),
            oldest: AtomicU64::new(oldest),
            durable: Arc::new(AtomicU64::new(newest + 1)),
            store: store.clone(),
            live: broadcast::Sender::new(EVENTS_UNDER_WAY),
        })
    }

    /// Keeps an event and tells it.
    pub(super) fn publish(&self, event: &'static str, data: Map<String, Value>) -> Result<(), StoreError> {
        self.publish_with(vec![(event, data)], Writes::default())
    }

    /// Keeps events and what is to be written with them, and tells the events once all of it is on the disk: a number
    /// that was told never means anything else.
    pub(super) fn publish_with(
        &self,
        events: Vec<(&'static str, Map<String, Value>)>,
        mut writes: Writes,
    ) -> Result<(), StoreError> {
        if events.is_empty() && writes.is_empty() {
            return Ok(());
        }
        let at = Millis::now();
        // Held until they are told, so that nobody tells later ones before.
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = Vec::with_capacity(events.len());
        for (sequence, (event, mut data)) in (*next..).zip(events) {
            data.insert("id".to_owned(), json!(sequence));
            data.insert("at".to_owned(), json!(at));
            data.insert("event".to_owned(), json!(event));
            let data = Value::Object(data).to_string();
            let record = KeptEvent { at, event: event.to_owned(), data };
            self.tables.events.put_with(&mut writes, &sequence, &record)?;
            kept.push(Published { sequence, event: event.into(), data: record.data.into() });
        }
        self.store.write(&writes)?;
        self.store.flush()?;
        *next += kept.len() as u64;
        self.durable.store(*next, Ordering::Release);
        for published in kept {
            // Nobody may be listening.
            drop(self.live.send(published));
        }
        Ok(())
    }

    /// Everything after the event of this number; without one, from now on.
    pub(super) fn subscribe(&self, after: Option<u64>) -> Subscription {
        let live = self.live.subscribe();
        let Some(after) = after else {
            return Subscription { missed: Box::new(std::iter::empty()), gap: false, live };
        };
        let gap = after > 0 && after + 1 < self.oldest.load(Ordering::Acquire);
        let (events, durable) = (self.tables.events.clone(), Arc::clone(&self.durable));
        let mut last = after;
        let mut page = Vec::new().into_iter();
        let missed = std::iter::from_fn(move || {
            loop {
                if let Some((sequence, kept)) = page.next() {
                    last = sequence;
                    let kept: KeptEvent = kept;
                    return Some(Published { sequence, event: kept.event.into(), data: kept.data.into() });
                }
                let more: Vec<(u64, KeptEvent)> =
                    events.from(&(last + 1)).take(256).filter_map(Result::ok).collect();
                let durable = durable.load(Ordering::Acquire);
                let more: Vec<_> = more.into_iter().take_while(|(sequence, _)| *sequence < durable).collect();
                if more.is_empty() {
                    return None;
                }
                page = more.into_iter();
            }
        });
        Subscription { missed: Box::new(missed), gap, live }
    }

    /// Forgets events from before `before`, and the oldest of those beyond `max`.
    pub(super) fn retire(&self, before: Millis, max: u64) -> Result<(), StoreError> {
        let next = *self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let mut oldest = self.oldest.load(Ordering::Acquire).max(next.saturating_sub(max));
        while let Some((sequence, kept)) = self.tables.events.from(&oldest).next().transpose()? {
            if kept.at >= before {
                break;
            }
            oldest = sequence + 1;
        }
        self.tables.events.trim(|&sequence| sequence < oldest)?;
        self.oldest.store(oldest, Ordering::Release);
        Ok(())
    }
}
