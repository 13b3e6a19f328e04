//! Lapwing watches a fleet of systems through their health samples.
//!
//! How a sample travels, room by room: [`ingest`] turns bytes into samples, the [`pipeline`] puts them in order and
//! hands each to the shard that owns its system, the [`shard`] keeps its [`history`], asks the rules and scorers in
//! their [`sandbox`], and tells [`detections`] what they said. ARCHITECTURE.md has the map.

pub mod access;
pub mod alerts;
pub mod api;
pub mod catalog;
pub mod cli;
pub mod detections;
pub mod evaluation;
pub mod heartbeat;
pub mod history;
pub mod ingest;
pub mod limits;
pub mod model;
pub mod observer;
pub mod outbox;
pub mod outside;
pub mod pipeline;
pub mod presence;
pub mod sandbox;
pub mod scoring;
pub mod service;
pub mod shard;
pub mod simulation;
pub mod store;
pub mod time;
pub mod vanished;
