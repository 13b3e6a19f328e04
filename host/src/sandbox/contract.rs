//! The contract as `bindgen` writes it, and its types under plain names.

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub(super) mod rule {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "rule-plugin",
        ownership: Borrowing { duplicate_if_necessary: true },
        additional_derives: [PartialEq],
    });
}

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub(super) mod scorer {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "scorer-plugin",
        ownership: Borrowing { duplicate_if_necessary: true },
        with: {
            "lapwing:plugin/types@0.1.0": super::rule::lapwing::plugin::types,
            "lapwing:plugin/log@0.1.0": super::rule::lapwing::plugin::log,
        },
    });
}

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub(super) mod action {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "action-plugin",
        ownership: Borrowing { duplicate_if_necessary: true },
        additional_derives: [PartialEq],
        // What waits for others lets the thread go; what does not, does not.
        imports: {
            "lapwing:plugin/http.send": async,
            "lapwing:plugin/mail.send": async,
            "lapwing:plugin/history.read": async,
            "lapwing:plugin/history.peers": async,
        },
        exports: { default: async },
        with: { "lapwing:plugin/log@0.1.0": super::rule::lapwing::plugin::log },
    });
}

pub use action::exports::lapwing::plugin::action::{
    Attachment, BlockEntry, Effect, Escalation, Failure, Outcome as ActionOutcome, Request as ActionRequest,
};
pub use rule::exports::lapwing::plugin::rule::{
    Condition, DetectionType, Explanation, Outcome, Relation, Severity, Verdicts,
};
pub use rule::lapwing::plugin::types::{
    Aggregate, Batch, Extent, Heartbeat, Input, Parameter, TextTest, Windowed,
};

/// The package every plugin is written against.
pub const PACKAGE: &str = "lapwing:plugin";
/// The versions of it that this host speaks.
pub const VERSIONS: &[&str] = &["0.1.0"];
