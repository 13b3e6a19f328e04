//! The tables of the service: what is kept under which name.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::deployment::Deployment;
use super::desk::BlockChange;
use super::views::Receipt;
use crate::access::{Principal, TokenRecord};
use crate::detections::Case;
use crate::history::Chunk;
use crate::model::{DetectionType, Severity, Status, TypeId};
use crate::observer::{BlindIntervals, Observer};
use crate::outbox::{CanaryState, Record};
use crate::pipeline::Cut;
use crate::scoring::{Counters, ModelRecord};
use crate::shard::SystemState;
use crate::store::{Encoding, Pair, Store, StoreError, Table};
use crate::time::Millis;
use crate::vanished;

/// Every table of the service.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    /// Names by their numbers: `metric` and `type`.
    pub(super) names: Table<Pair, String>,
    /// Accepted samples by round, until every system that they are of is written down.
    pub(super) journal: Table<u64, JournalEntry>,
    /// What was answered to requests with a key.
    pub(super) receipts: Table<String, KeptReceipt>,
    /// Their keys, oldest first.
    pub(super) receipt_order: Table<u64, String>,
    /// Who is gone together, and who waits for company.
    pub(super) vanished: Table<Uuid, vanished::Record>,
    /// When the host could not see.
    pub(super) blind: Table<(), BlindIntervals>,
    /// The last round that a system was written down with.
    pub(super) judged: Table<(), u64>,
    pub(super) systems: Table<String, SystemState>,
    pub(super) chunks: Table<u64, Chunk>,
    pub(super) models: Table<String, ModelRecord>,
    pub(super) headers: Table<Uuid, Header>,
    /// Whole detections as samples show them, as JSON.
    pub(super) detections: Table<Uuid, Value>,
    /// What people and actions made of them.
    pub(super) cases: Table<Uuid, Case>,
    /// What actions attached, by detection and name.
    pub(super) attachments: Table<String, Vec<u8>>,
    /// Alerts, groups and silences, as their room writes them.
    pub(super) alerts: Table<String, Vec<u8>>,
    /// Actions that are owed, and how they went.
    pub(super) owed: Table<u64, Record>,
    /// How canaries fared, by action.
    pub(super) canaries: Table<String, CanaryState>,
    /// Changes of the block list.
    pub(super) blocks: Table<u64, BlockChange>,
    /// What the server alone knows.
    pub(super) keys: Table<String, Vec<u8>>,
    pub(super) events: Table<u64, KeptEvent>,
    pub(super) dead_letters: Table<u64, Value>,
    pub(super) components: Table<String, Vec<u8>>,
    /// One record: which plugins and rules are in force.
    pub(super) deployment: Table<String, Deployment>,
    pub(super) tokens: Table<String, TokenRecord>,
    pub(super) audit: Table<u64, AuditEntry>,
}

/// Tables that a copy of a store in use ends with nothing missing from: rounds that come while it is made are in the
/// journal, which is copied first, or not at all.
pub(super) const COPIED_FIRST: [&str; 1] = ["journal"];

/// Samples on their way from the acknowledgement to the systems that they are of.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct JournalEntry {
    pub(super) cut: Cut,
    /// How far training had come at its end.
    pub(super) training: Vec<(TypeId, Counters)>,
    /// What was known of the host's own sight.
    pub(super) observer: Observer,
    /// Requests that are part of it and had a key, with what was answered.
    pub(super) receipts: Vec<(String, Receipt)>,
}

/// What was answered to a request with a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KeptReceipt {
    pub(super) at: Millis,
    pub(super) receipt: Receipt,
}

/// What is known of a detection without reading it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) rule_id: String,
    pub(super) system_id: String,
    pub(super) system_type: String,
    pub(super) severity: Severity,
    pub(super) detection_type: DetectionType,
    /// With what people say.
    pub(super) status: Status,
    /// Active or resolved.
    pub(super) of_samples: Status,
    pub(super) opened: Millis,
    pub(super) resolved: Option<Millis>,
    pub(super) reopened: u32,
}

/// An event as the stream told it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KeptEvent {
    pub(super) at: Millis,
    pub(super) event: String,
    /// JSON.
    pub(super) data: String,
}

/// Who changed what.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// From 1.
    pub seq: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Millis,
    /// Who.
    pub who: Principal,
    /// What was done: `rule.change`, `plugin.promote`.
    pub what: String,
    /// To what.
    pub target: String,
    /// As it was.
    #[schema(value_type = Object)]
    pub before: Value,
    /// As it is.
    #[schema(value_type = Object)]
    pub after: Value,
}

impl Tables {
    pub(super) fn open(store: &Store) -> Result<Self, StoreError> {
        use Encoding::{Json, Postcard};
        Ok(Self {
            names: store.table("names", 1, Postcard)?,
            journal: store.table("journal", 2, Postcard)?,
            receipts: store.table("receipts", 1, Postcard)?,
            receipt_order: store.table("receipt_order", 1, Postcard)?,
            vanished: store.table("vanished", 1, Json)?,
            blind: store.table("blind", 1, Postcard)?,
            judged: store.table("judged", 1, Postcard)?,
            systems: store.table("systems", 4, Postcard)?,
            chunks: store.table("chunks", 2, Postcard)?,
            models: store.table("models", 1, Postcard)?,
            headers: store.table("detection_headers", 2, Postcard)?,
            detections: store.table("detections", 1, Json)?,
            cases: store.table("cases", 1, Json)?,
            attachments: store.table("attachments", 1, Postcard)?,
            alerts: store.table("alerts", 1, Postcard)?,
            owed: store.table("owed", 1, Json)?,
            canaries: store.table("canaries", 1, Json)?,
            blocks: store.table("blocks", 1, Json)?,
            keys: store.table("keys", 1, Postcard)?,
            events: store.table("events", 1, Postcard)?,
            dead_letters: store.table("dead_letters", 1, Json)?,
            components: store.table("components", 1, Postcard)?,
            deployment: store.table("deployment", 1, Json)?,
            tokens: store.table("tokens", 1, Json)?,
            audit: store.table("audit", 1, Json)?,
        })
    }
}
