//! The outbox as its host sees it.

mod awaited;
mod blast;
mod breaker;
mod canary;
mod host;
mod lanes;
mod laws;
mod limits;
mod people;
mod policy;
mod world;
