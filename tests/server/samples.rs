//! Handing samples in: shapes, encodings, refusals, keys and the limits of what is taken.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::{Value, json};

use crate::client::Answer;
use crate::harness::{ndjson, with};
use crate::server::{PATIENCE, Server, sample};

const SAMPLES: &str = "/api/v1/samples";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn encoded(server: &Server, encoding: &str, body: Vec<u8>) -> Answer {
    server.ask("POST", SAMPLES).header("content-encoding", encoding).body(body).send()
}

fn keyed(server: &Server, key: &str, samples: &[Value]) -> Answer {
    server.ask("POST", SAMPLES).header("idempotency-key", key).body(ndjson(samples)).send()
}

#[test]
fn an_object_an_array_and_lines_are_all_taken() {
    let server = Server::new();
    let one = server.ask("POST", SAMPLES).body(sample("object", 0).to_string()).send().ok();
    assert_eq!((&one["accepted"], &one["refused"], &one["replayed"]), (&json!(1), &json!(0), &json!(false)));
    assert!(one["round"].as_u64().is_some(), "{one}");
    let array = json!([sample("array", 0), sample("array", 1)]);
    assert_eq!(server.post(SAMPLES, &array).ok()["accepted"], 2);
    let lines = format!("\n{}\n\n", ndjson(&[sample("lines", 0), sample("lines", 1), sample("lines", 2)]));
    let lines = server.ask("POST", SAMPLES).header("content-type", "application/x-ndjson").body(lines).send();
    assert_eq!(lines.ok()["accepted"], 3);
    for (system, samples) in [("object", 1), ("array", 2), ("lines", 3)] {
        assert_eq!(server.history(system, samples).len(), samples, "{system}");
    }
}

#[test]
fn what_is_compressed_is_taken() {
    let server = Server::new();
    let lines = |system: &str| ndjson(&[sample(system, 0), sample(system, 1)]).into_bytes();
    for (encoding, body) in [
        ("gzip", gzip(&lines("gzip"))),
        ("zstd", zstd::encode_all(&*lines("zstd"), 3).unwrap()),
        ("identity", lines("identity")),
    ] {
        assert_eq!(encoded(&server, encoding, body).ok()["accepted"], 2, "{encoding}");
        assert_eq!(server.history(encoding, 2).len(), 2);
    }
}

#[test]
fn an_encoding_that_is_not_known_or_not_true_is_refused() {
    let server = Server::new();
    let unknown = encoded(&server, "br", b"{}".to_vec());
    unknown.problem(415, "unknown-encoding");
    assert_eq!(unknown.header("accept-encoding"), "gzip, zstd, identity");
    encoded(&server, "gzip", b"{}".to_vec()).problem(400, "invalid-encoding");
    encoded(&server, "zstd", b"{}".to_vec()).problem(400, "invalid-encoding");
}

#[test]
fn a_body_that_is_too_large_before_or_after_decompression_is_refused() {
    let server = Server::with("[server]\nbody_bytes_max = 100000\ndecompressed_bytes_max = 1000000\n");
    let plain = server.ask("POST", SAMPLES).body(vec![b' '; 100_001]).send();
    assert_eq!(plain.problem(413, "too-large")["limit_bytes"], 100_000);
    let bomb = vec![b' '; 50 << 20];
    for (encoding, body) in [("gzip", gzip(&bomb)), ("zstd", zstd::encode_all(&*bomb, 19).unwrap())] {
        let refused = encoded(&server, encoding, body);
        assert_eq!(refused.problem(413, "too-large")["limit_bytes"], 1_000_000, "{encoding}");
    }
    server.take(&[sample("after", 0)]);
}

#[test]
fn a_refusal_reaches_the_sender_of_a_large_body() {
    let server = Server::new();
    let body = ndjson(&(0..15_000).map(|n| sample("a", n)).collect::<Vec<_>>());
    assert!(body.len() > 4 << 20);
    let ask = || server.ask("POST", SAMPLES).body(body.clone());
    for _ in 0..5 {
        ask().anonymous().send().problem(401, "unauthorized");
        ask().header("content-encoding", "br").send().problem(415, "unknown-encoding");
        ask().header("idempotency-key", "two words").send().problem(400, "invalid-idempotency-key");
    }
    let viewer = server.token("viewer");
    ask().token(&viewer).send().problem(403, "forbidden");
}

#[test]
fn rows_that_are_refused_are_listed_and_the_others_are_taken() {
    let server = Server::new();
    let rows = [
        sample("a", 0),
        with(sample("a", 1), json!({ "error_rate": 1.5 })),
        with(sample("a", 2), json!({ "system_id": null })),
        sample("a", 3),
        with(sample("a", 4), json!({ "timestamp": "yesterday" })),
    ];
    let receipt = server.post(SAMPLES, &json!(rows)).ok();
    assert_eq!((&receipt["accepted"], &receipt["refused"]), (&json!(2), &json!(3)), "{receipt}");
    let errors = receipt["errors"].as_array().unwrap();
    let places: Vec<(u64, &str)> = errors
        .iter()
        .map(|error| (error["row"].as_u64().unwrap(), error["field"].as_str().unwrap()))
        .collect();
    assert_eq!(places, [(2, "error_rate"), (3, "system_id"), (5, "timestamp")]);
    assert_eq!(errors[0]["found"], "1.5");
    for error in errors {
        for member in ["found", "expected", "detail"] {
            assert!(error[member].as_str().is_some_and(|text| !text.is_empty()), "{member} of {error}");
        }
    }
    assert_eq!(server.history("a", 2).len(), 2);
}

#[test]
fn lines_that_are_no_json_are_refused_by_their_number() {
    let server = Server::new();
    let body = format!("{}\n\nnot json\n{}\n", sample("a", 0), sample("a", 1));
    let receipt = server.ask("POST", SAMPLES).body(body).send().ok();
    assert_eq!((&receipt["accepted"], &receipt["refused"]), (&json!(2), &json!(1)), "{receipt}");
    assert_eq!(receipt["errors"][0]["row"], 2, "blank lines do not count: {receipt}");
}

#[test]
fn a_body_of_which_nothing_is_accepted_is_a_problem() {
    let server = Server::new();
    let wrong: Vec<Value> = (0..150).map(|_| json!({ "system_id": "a" })).collect();
    let problem = server.post(SAMPLES, &json!(wrong)).problem(400, "no-row-accepted");
    assert_eq!(problem["refused"], 150);
    assert_eq!(problem["errors"].as_array().unwrap().len(), 100, "the first hundred are listed");
    server.ask("GET", "/api/v1/systems/a").send().problem(404, "unknown-system");
    for nonsense in ["not json", "[1, 2]", "{", "42"] {
        server.ask("POST", SAMPLES).body(nonsense).send().problem(400, "no-row-accepted");
    }
}

#[test]
fn a_key_seen_before_takes_nothing_in_again() {
    let mut server = Server::new();
    let rows = [sample("a", 0), with(sample("a", 1), json!({ "error_rate": 2 })), sample("a", 2)];
    let first = keyed(&server, "one", &rows).ok();
    assert_eq!((&first["accepted"], &first["replayed"]), (&json!(2), &json!(false)));
    let again = |server: &Server| {
        let other = [sample("b", 0), sample("b", 1), sample("b", 2), sample("b", 3)];
        let replayed = keyed(server, "one", &other).ok();
        assert_eq!(replayed, with(first.clone(), json!({ "replayed": true })));
    };
    again(&server);
    server.kill();
    server.start();
    again(&server);
    server.restart();
    again(&server);
    assert_eq!(keyed(&server, "two", &[sample("c", 0)]).ok()["replayed"], false);
    assert_eq!(server.history("c", 1).len(), 1);
    assert_eq!(server.history("a", 2).len(), 2);
    server.ask("GET", "/api/v1/systems/b").send().problem(404, "unknown-system");
}

#[test]
fn the_same_key_sent_many_times_at_once_is_taken_once() {
    let server = Server::new();
    let rows: Vec<Value> = (0..50).map(|n| sample("a", n)).collect();
    let receipts: Vec<Value> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..8).map(|_| scope.spawn(|| keyed(&server, "same", &rows).ok())).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    assert_eq!(receipts.iter().filter(|receipt| receipt["replayed"] == false).count(), 1, "{receipts:?}");
    assert!(receipts.iter().all(|receipt| receipt["round"] == receipts[0]["round"]));
    assert_eq!(server.metric("lapwing_samples_accepted_total"), 50.0);
}

#[test]
fn a_key_that_is_none_is_refused() {
    let server = Server::new();
    for key in ["", "two words", &"x".repeat(129)] {
        keyed(&server, key, &[sample("a", 0)]).problem(400, "invalid-idempotency-key");
    }
    assert_eq!(keyed(&server, &"x".repeat(128), &[sample("a", 0)]).ok()["accepted"], 1);
}

#[test]
fn a_full_queue_says_when_to_come_again_and_takes_nothing() {
    let server = Server::with("[store]\nqueue_rows = 1000\n");
    let turned_away = AtomicBool::new(false);
    let deadline = Instant::now() + PATIENCE;
    let accepted: u64 = std::thread::scope(|scope| {
        let sender = |thread: u32| {
            let (server, turned_away) = (&server, &turned_away);
            scope.spawn(move || {
                let (mut accepted, mut second) = (0, 0);
                while !turned_away.load(Ordering::Relaxed) && Instant::now() < deadline {
                    let rows: Vec<Value> =
                        (0..900).map(|n| sample(&format!("s{thread}-{n}"), second)).collect();
                    second += 1;
                    let answer = server.post(SAMPLES, &json!(rows));
                    if answer.status == 429 {
                        let problem = answer.problem(429, "queue-full");
                        assert_eq!(problem["limit_rows"], 1000);
                        assert_eq!(
                            (answer.header("retry-after"), &problem["retry_after_s"]),
                            ("1", &json!(1))
                        );
                        turned_away.store(true, Ordering::Relaxed);
                    } else {
                        accepted += answer.ok()["accepted"].as_u64().unwrap();
                    }
                }
                accepted
            })
        };
        let senders: Vec<_> = (0..8).map(sender).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).sum()
    });
    assert!(turned_away.load(Ordering::Relaxed), "the queue was never full");
    server.until("every accepted row is judged", || {
        (server.metric("lapwing_samples_total{fate=\"judged\"}") as u64 == accepted).then_some(())
    });
    assert!(server.metric("lapwing_requests_turned_away_total") >= 1.0);
    server.take(&[sample("after", 0)]);
}
