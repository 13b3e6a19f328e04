//! What goes wrong in an action stays in it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lapwing::sandbox::CallError;
use serde_json::json;

use crate::harness::{Acting, Stage, request};
use crate::servers::{self, Answer};

#[tokio::test(flavor = "current_thread")]
async fn a_loop_and_a_memory_bomb_hurt_themselves_while_others_run_on_the_same_thread() {
    let stage = Stage::new("");
    let (mut looping, mut bomb, mut good) =
        (stage.instance().await, stage.instance().await, stage.instance().await);
    let looping = tokio::spawn(async move {
        let begun = Instant::now();
        let error = looping.run(json!({ "op": "loop" })).await.unwrap_err();
        let again = looping.run(json!({ "op": "nothing" })).await.unwrap_err();
        (error, again, begun.elapsed(), looping.0.is_usable())
    });
    let bomb = tokio::spawn(async move {
        let error = bomb.run(json!({ "op": "memory" })).await.unwrap_err();
        let again = bomb.run(json!({ "op": "nothing" })).await.unwrap_err();
        (error, again)
    });
    let mut runs = 0;
    while !looping.is_finished() {
        assert_eq!(good.does(json!({ "op": "nothing" })).await, "nothing");
        runs += 1;
        tokio::task::yield_now().await;
    }
    // The loop lets go every 10 ms, for 2 s.
    assert!(runs >= 50, "only {runs} runs beside a loop");
    let (error, again, took, usable) = looping.await.unwrap();
    assert_eq!(error, CallError::Computed { function: "run", limit: Duration::from_secs(2) });
    assert_eq!(again, CallError::Gone { function: "run" });
    assert!(took >= Duration::from_millis(1900) && !usable, "{took:?}");
    let (error, again) = bomb.await.unwrap();
    assert!(matches!(error, CallError::Trap { function: "run", .. }), "{error}");
    assert_eq!(again, CallError::Gone { function: "run" });
}

#[tokio::test]
async fn a_panic_is_told_in_its_own_words() {
    let mut acting = Stage::new("").instance().await;
    let error = acting.run(json!({ "op": "panic" })).await.unwrap_err();
    assert_eq!(error, CallError::Trap { function: "run", reason: "about to panic".to_owned() });
    assert!(!error.leaves_instance_usable() && !acting.0.is_usable());
    assert_eq!(acting.0.undo(request("{}")).await.unwrap_err(), CallError::Gone { function: "undo" });
}

#[tokio::test(flavor = "current_thread")]
async fn waiting_holds_no_thread_and_is_not_computing() {
    let delay = Duration::from_millis(2500);
    let ok = Arc::new(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec());
    let (address, _) = servers::http(Answer::After(delay, ok)).await;
    let stage = Stage::new(&format!("hosts = [\"http://{address}\"]"));
    let capabilities = stage.capabilities();
    let begun = Instant::now();
    let mut waiting = Vec::new();
    for _ in 0..50 {
        let mut acting = Acting::new(capabilities.clone()).await;
        let occasion = json!({ "op": "http", "url": format!("http://{address}/") });
        waiting.push(tokio::spawn(async move { acting.answer(occasion).await["status"].clone() }));
    }
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap(), 200);
    }
    let took = begun.elapsed();
    assert!(took >= delay && took < 2 * delay, "{took:?}: one after the other they take two minutes");
}

#[tokio::test]
async fn the_deadline_holds_for_computing_too() {
    let stage = Stage::new("");
    let mut acting = Acting::within(&stage, Duration::from_millis(100)).await;
    let begun = Instant::now();
    let error = acting.run(json!({ "op": "loop" })).await.unwrap_err();
    assert_eq!(error, CallError::Deadline { function: "run", deadline: Duration::from_millis(100) });
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(acting.run(json!({})).await.unwrap_err(), CallError::Gone { function: "run" });
}

#[tokio::test]
async fn a_call_that_is_given_up_ends_the_instance() {
    let (address, _) = servers::http(Answer::Never).await;
    let stage = Stage::new(&format!("hosts = [\"http://{address}\"]"));
    let mut acting = stage.instance().await;
    {
        let call = acting.run(json!({ "op": "http", "url": format!("http://{address}/") }));
        assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
    }
    assert!(!acting.0.is_usable());
    assert_eq!(acting.run(json!({})).await.unwrap_err(), CallError::Gone { function: "run" });
}

#[tokio::test]
async fn outcomes_against_the_contract_are_refused_and_the_instance_goes_on() {
    let mut acting = Stage::new("").instance().await;
    let effects = |subject: &str, lasts_s: u32, bytes: usize| json!({ "op": "effects", "subject": subject, "lasts_s": lasts_s, "bytes": bytes });
    let good = acting.run(effects("10.0.0.1", 60, 1 << 20)).await.unwrap().unwrap();
    assert_eq!(good.effects.len(), 2);
    let table = [
        (effects("", 60, 1), "the subject of a block is empty"),
        (effects("10.0.0.1", 0, 1), "a block lasts 0 s"),
        (effects(&"x".repeat(1025), 60, 1), "the subject of a block has 1025 bytes"),
        (json!({ "op": "fail", "after_s": -1.0 }), "tried again after NaN s"),
    ];
    for (occasion, expected) in table {
        let error = acting.run(occasion).await.unwrap_err();
        assert!(
            matches!(&error, CallError::BadAnswer { .. }) && error.to_string().contains(expected),
            "{error}"
        );
        assert!(error.leaves_instance_usable() && acting.0.is_usable());
    }
    let failure = acting.run(json!({ "op": "fail", "after_s": 2.5 })).await.unwrap().unwrap_err();
    assert_eq!((failure.after_s, failure.retry), (Some(2.5), true));
    let undone = acting.0.undo(request("{}")).await.unwrap().unwrap();
    assert_eq!(undone.summary, "undone key-1 in try 1");
    let error = acting.run(effects("10.0.0.1", 60, 5 << 20)).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { .. }), "{error}");
    assert!(!acting.0.is_usable());
}

#[tokio::test]
async fn a_flood_of_log_lines_is_no_failure() {
    let mut acting = Stage::new("").instance().await;
    assert_eq!(acting.does(json!({ "op": "flood", "lines": 100_000 })).await, "flooded");
}
