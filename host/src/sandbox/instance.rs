//! What an instance may use, and how a call into it is watched.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{AsContextMut, Engine, Store, StoreLimits, StoreLimitsBuilder, Trap};

use super::contract::rule::lapwing::plugin::log;
use super::error::CallError;
use super::quota::LogQuota;
use crate::limits::{
    ANSWER_BYTES_MAX, ANSWER_BYTES_PER_ROW_MAX, EPOCH, INSTANCE_MEMORY_BYTES_MAX,
    INSTANCE_TABLE_ELEMENTS_MAX, LOG_LINE_BYTES_MAX, LOG_LINES_PER_CALL_MAX, REASON_BYTES_MAX,
};
use crate::outside::Session;

/// The host's side of one instance: its name, its limits, its log.
pub(super) struct Instance {
    plugin: String,
    limits: StoreLimits,
    quota: Arc<LogQuota>,
    lines_left: u32,
    /// The last line of error logged in the call: a panic's message, if the call then traps.
    last_words: Option<String>,
    /// An action's way outside. Rules and scorers have none, nor has an action while it is configured.
    pub(super) outside: Option<Session>,
    /// Epochs in which the call of an action may still compute.
    pub(super) epochs_left: u64,
}

impl log::Host for Instance {
    fn write(&mut self, level: log::Level, mut message: String) {
        if let Some(outside) = &self.outside {
            message = outside.redact(message);
        }
        let granted = self.quota.take(&self.plugin, self.lines_left > 0);
        self.lines_left = self.lines_left.saturating_sub(1);
        if !granted {
            if level == log::Level::Error {
                self.last_words = Some(message);
            }
            return;
        }
        if message.len() > LOG_LINE_BYTES_MAX {
            message.truncate(message.floor_char_boundary(LOG_LINE_BYTES_MAX));
            message.push('…');
        }
        let plugin = self.plugin.as_str();
        match level {
            log::Level::Debug => tracing::debug!(target: "plugin", plugin, "{message}"),
            log::Level::Info => tracing::info!(target: "plugin", plugin, "{message}"),
            log::Level::Warn => tracing::warn!(target: "plugin", plugin, "{message}"),
            log::Level::Error => {
                tracing::error!(target: "plugin", plugin, "{message}");
                self.last_words = Some(message);
            }
        }
    }
}

impl Instance {
    /// Logs what the host has to say of the plugin, within the plugin's own quota.
    pub(super) fn warn(&mut self, message: &str) {
        let granted = self.quota.take(&self.plugin, self.lines_left > 0);
        self.lines_left = self.lines_left.saturating_sub(1);
        if granted {
            tracing::warn!(plugin = self.plugin, "{message}");
        }
    }
}

/// A store for one instance of the plugin of this name.
pub(super) fn store(engine: &Engine, plugin: &str, quota: &Arc<LogQuota>) -> Store<Instance> {
    let limits = StoreLimitsBuilder::new()
        .memory_size(INSTANCE_MEMORY_BYTES_MAX)
        .table_elements(INSTANCE_TABLE_ELEMENTS_MAX)
        .memories(4)
        .tables(8)
        .instances(16)
        .build();
    let instance = Instance {
        plugin: plugin.to_owned(),
        limits,
        lines_left: LOG_LINES_PER_CALL_MAX,
        quota: Arc::clone(quota),
        last_words: None,
        outside: None,
        epochs_left: 0,
    };
    let mut store = Store::new(engine, instance);
    store.limiter(|instance| &mut instance.limits);
    store
}

/// Runs `call` under a deadline and says in our words how it failed. The plugin's own error is left to the caller.
pub(super) fn watched<T>(
    store: &mut Store<Instance>,
    function: &'static str,
    deadline: Duration,
    answer_bytes: usize,
    call: impl FnOnce(&mut Store<Instance>) -> wasmtime::Result<T>,
) -> Result<T, CallError> {
    let epochs = deadline.as_millis().div_ceil(EPOCH.as_millis());
    // One more: the epoch under way is part over.
    store.as_context_mut().set_epoch_deadline(epochs as u64 + 1);
    begin(store, answer_bytes);
    call(store).map_err(|error| {
        let out_of_time = CallError::Deadline { function, deadline };
        failed(store, function, answer_bytes, &error, out_of_time)
    })
}

/// A call begins, whose answer may take so much.
pub(super) fn begin(store: &mut Store<Instance>, answer_bytes: usize) {
    store.set_hostcall_fuel(answer_bytes);
    let instance = store.data_mut();
    instance.lines_left = LOG_LINES_PER_CALL_MAX;
    instance.last_words = None;
}

/// Says in our words how a call failed; `out_of_time` if it was interrupted.
pub(super) fn failed(
    store: &mut Store<Instance>,
    function: &'static str,
    answer_bytes: usize,
    error: &wasmtime::Error,
    out_of_time: CallError,
) -> CallError {
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => out_of_time,
        trap => {
            let cause = trap.map_or_else(|| format!("{:#}", error.root_cause()), ToString::to_string);
            if cause.contains("fuel") {
                return CallError::TooLarge { function, limit: answer_bytes };
            }
            let reason = store.data_mut().last_words.take().unwrap_or(cause);
            CallError::Trap { function, reason: cut(reason) }
        }
    }
}

/// A plugin's own words, no longer than they are kept.
pub(super) fn cut(mut text: String) -> String {
    if text.len() > REASON_BYTES_MAX {
        text.truncate(text.floor_char_boundary(REASON_BYTES_MAX));
        text.push('…');
    }
    text
}

/// What the answer to a call on so many rows may take.
pub(super) fn answer_bytes(rows: usize) -> usize {
    ANSWER_BYTES_MAX + rows * ANSWER_BYTES_PER_ROW_MAX
}
