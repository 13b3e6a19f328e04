//! The server, as its users meet it: the real binary, a real store directory, a real client.

#![allow(
    clippy::expect_used,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod access;
mod alertmanager;
mod client;
mod command;
mod components;
mod crash;
mod document;
#[allow(dead_code, reason = "the road uses the rest")]
#[path = "../road/harness.rs"]
mod harness;
mod identity;
mod mailing;
mod presence;
mod quarantine;
mod reading;
mod receiver;
mod reload;
mod rules;
mod running;
mod samples;
mod server;
mod signatures;
mod store;
mod streaming;
mod swapping;
mod telling;
