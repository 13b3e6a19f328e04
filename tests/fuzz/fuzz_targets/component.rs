//! The component loader: bytes are a plugin or refused, and a plugin that is taken can be asked to configure itself.
#![no_main]

use std::sync::LazyLock;

use lapwing::sandbox::{Kind, Sandbox};
use libfuzzer_sys::fuzz_target;

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| Sandbox::new(None).unwrap());

fuzz_target!(|bytes: &[u8]| {
    if let Ok(plugin) = SANDBOX.load("fuzzed", bytes) {
        match plugin.kind {
            Kind::Rule => drop(plugin.rule("{}").map(drop)),
            Kind::Scorer => drop(plugin.scorer("{}").map(drop)),
            Kind::Action => {}
        }
    }
});
