//! Actions through the door of the sandbox: a real component, real sockets on this machine, grants in between.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod contain;
mod grants;
mod harness;
mod mail;
mod network;
mod servers;
