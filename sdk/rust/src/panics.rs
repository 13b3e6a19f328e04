//! A panic in a component is a trap without words, unless its message reaches the host's log first.

/// Sends panic messages to the host's log. In a native test panics stay as they are.
pub(crate) fn to_log() {
    #[cfg(target_arch = "wasm32")]
    std::panic::set_hook(Box::new(|panic| {
        use crate::bindings::rule::lapwing::plugin::log;
        log::write(log::Level::Error, &panic.to_string().replace('\n', " "));
    }));
}
