//! Tests of whom the action blocks.

use lapwing_sdk::action::Effect;
use lapwing_sdk::testing::FakeHost;
use serde_json::{Value, json};

use super::*;

fn configured(settings: Value) -> Result<BlockAccess, String> {
    BlockAccess::configure(serde_json::from_value(settings).map_err(|error| error.to_string())?)
}

fn request(custom_metrics: &Value) -> Request {
    let mut request = FakeHost::request("act");
    request.occasion.detections[0].evidence.custom_metrics = custom_metrics.as_object().unwrap().clone();
    request
}

fn outcome(settings: Value, custom_metrics: &Value) -> Outcome {
    configured(settings).unwrap().run(&request(custom_metrics), &FakeHost::new()).unwrap()
}

fn blocked(outcome: &Outcome) -> Vec<(&str, u32)> {
    let entries = outcome.effects.iter().map(|effect| match effect {
        Effect::Block(entry) => (entry.subject.as_str(), entry.lasts_s),
        other => panic!("{other:?}"),
    });
    entries.collect()
}

#[test]
fn the_address_and_the_user_are_blocked() {
    let outcome = outcome(json!({}), &json!({ "source_ip": "203.0.113.7", "user": "mallory" }));
    assert_eq!(blocked(&outcome), [("203.0.113.7", 3600), ("mallory", 3600)]);
    assert_eq!(outcome.summary, "blocked 203.0.113.7, mallory for 3600 s");
    let Effect::Block(entry) = &outcome.effects[0] else { panic!("not a block") };
    assert_eq!(entry.reason, "system_disconnection on db-1: seconds since the last sample is above 20");
}

#[test]
fn who_is_blocked_follows_from_the_settings() {
    for (settings, metrics, expected) in [
        (json!({}), json!({}), &[][..]),
        (json!({}), json!({ "source_ip": "" }), &[]),
        (json!({ "block_system": true }), json!({}), &["db-1"]),
        (json!({ "block_system": true }), json!({ "user": "eve" }), &["eve"]),
        (json!({ "block_system": true, "never_block": ["db-1"] }), json!({}), &[]),
        (
            json!({ "subjects_from": ["client-address"] }),
            json!({ "client-address": "2001:DB8::1" }),
            &["2001:db8::1"],
        ),
        (json!({ "subjects_from": ["account"] }), json!({ "account": 4711 }), &["4711"]),
        (
            json!({ "subjects_from": ["source_ip", "client_ip"] }),
            json!({ "source_ip": "1.2.3.4", "client_ip": "::ffff:1.2.3.4" }),
            &["1.2.3.4"],
        ),
    ] {
        let outcome = outcome(settings, &metrics);
        let subjects: Vec<&str> = blocked(&outcome).into_iter().map(|(subject, _)| subject).collect();
        assert_eq!(subjects, expected, "{metrics}");
    }
}

#[test]
fn an_address_is_an_address_and_some_are_never_blocked() {
    for (source_ip, said) in [
        ("mallory", "source_ip: \"mallory\" is no address"),
        ("1.2.3.4, 5.6.7.8", "is no address"),
        ("127.0.0.1", "127.0.0.1 is never blocked (127.0.0.0/8)"),
        ("127.0.0.0/8", "wider than /16"),
        ("127.1.0.0/16", "is never blocked (127.0.0.0/8)"),
        ("::1", "::1 is never blocked (::1)"),
        ("::ffff:127.0.0.1", "127.0.0.1 is never blocked"),
        ("10.0.0.0/15", "wider than /16"),
        ("0.0.0.0/0", "wider than /16"),
        ("2001::/31", "wider than /16 (IPv4) or /32 (IPv6)"),
    ] {
        let outcome = outcome(json!({}), &json!({ "source_ip": source_ip }));
        assert!(outcome.effects.is_empty(), "{source_ip}");
        assert!(
            outcome.summary.starts_with("nobody was blocked; ") && outcome.summary.contains(said),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_network_that_holds_a_protected_address_is_not_blocked() {
    let settings = json!({ "never_block": ["192.0.2.10", "root"] });
    let one = outcome(settings.clone(), &json!({ "source_ip": "192.0.2.0/24", "user": "root" }));
    assert!(one.effects.is_empty(), "{one:?}");
    let other = outcome(settings, &json!({ "source_ip": "192.0.3.0/24", "user": "rooted" }));
    assert_eq!(other.effects.len(), 2);
}

#[test]
fn undoing_takes_out_what_was_put_in() {
    let metrics = json!({ "source_ip": "203.0.113.7/24", "user": "mallory" });
    let action = configured(json!({})).unwrap();
    let outcome = action.undo(&request(&metrics), &FakeHost::new()).unwrap();
    let subjects: Vec<&str> = outcome
        .effects
        .iter()
        .map(|effect| match effect {
            Effect::Unblock(subject) => subject.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(subjects, ["203.0.113.0/24", "mallory"]);
}

#[test]
fn only_the_detection_of_a_rule_that_names_it_counts() {
    let mut request = request(&json!({ "user": "mallory" }));
    request.occasion.kind = lapwing_sdk::action::Kind::Canary;
    let outcome = configured(json!({})).unwrap().run(&request, &FakeHost::new()).unwrap();
    assert!(outcome.effects.is_empty());
}

#[test]
fn settings_are_refused_by_name() {
    for (settings, named) in [
        (json!({ "never_block": ["10.0.0.0/33"] }), "never_block: \"10.0.0.0/33\""),
        (json!({ "never_block": ["10.0.0.256"] }), "never_block"),
        (json!({ "never_block": [""] }), "never_block"),
        (json!({ "lasts_s": 0 }), "lasts_s is 0"),
        (json!({ "lasts_s": 31_536_001 }), "lasts_s"),
        (json!({ "subjects_from": [""] }), "subjects_from"),
        (json!({ "blocks_system": true }), "blocks_system"),
    ] {
        assert!(configured(settings).unwrap_err().contains(named), "{named}");
    }
}
