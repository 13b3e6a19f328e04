//! The contract as `wit-bindgen` writes it. Authors meet the types of the other modules instead.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]

/// The world of a rule, and what all worlds share.
pub mod rule {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "rule-plugin",
        pub_export_macro: true,
    });
}

/// The world of a scorer.
pub mod scorer {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "scorer-plugin",
        pub_export_macro: true,
        with: {
            "lapwing:plugin/types@0.1.0": super::rule::lapwing::plugin::types,
            "lapwing:plugin/log@0.1.0": super::rule::lapwing::plugin::log,
        },
    });
}

/// The world of an action.
pub mod action {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "action-plugin",
        pub_export_macro: true,
        with: { "lapwing:plugin/log@0.1.0": super::rule::lapwing::plugin::log },
    });
}
