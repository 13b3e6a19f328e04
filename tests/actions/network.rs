//! Requests that go well, and the ways in which they do not.

use std::time::{Duration, Instant};

use lapwing::outside::Noted;
use serde_json::json;

use crate::harness::{Acting, PATH_SECRET, Stage};
use crate::servers::{self, Answer};

const MEBIBYTE: usize = 1 << 20;

async fn against(answer: Answer) -> (Stage, String, servers::Seen) {
    let (address, seen) = servers::http(answer).await;
    (Stage::new(&format!("hosts = [\"http://{address}\"]")), format!("http://{address}/hook?a=b"), seen)
}

#[tokio::test]
async fn a_request_arrives_as_it_was_asked_for() {
    let (stage, url, seen) = against(Answer::ok()).await;
    let mut acting = stage.instance().await;
    let headers = json!({ "X-Mine": "1", "Host": "evil", "Content-Length": "3", "Connection": "close" });
    let occasion = json!({ "op": "http", "url": url, "headers": headers, "body": "hello" });
    let answer = acting.answer(occasion).await;
    assert_eq!((&answer["status"], &answer["begin"]), (&json!(200), &json!("ok")));
    let request = &seen.requests()[0];
    assert!(
        request.starts_with("POST /hook?a=b HTTP/1.1\r\n") && request.ends_with("\r\n\r\nhello"),
        "{request}"
    );
    for expected in
        ["x-mine: 1\r\n", "content-length: 5\r\n", "host: 127.0.0.1", "idempotency-key: key-1\r\n"]
    {
        assert_eq!(request.matches(expected).count(), 1, "{expected}: {request}");
    }
    assert!(!request.contains("evil") && !request.contains("connection:"), "{request}");
    let usage = acting.0.usage();
    assert_eq!((usage.requests, usage.sent_bytes, usage.received_bytes), (1, 5, 2));
    assert!(usage.waited > Duration::ZERO);
}

#[tokio::test]
async fn redirects_are_answers() {
    let moved = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let (stage, url, seen) = against(Answer::bytes(moved)).await;
    let answer = stage.instance().await.answer(json!({ "op": "http", "url": url })).await;
    assert_eq!((&answer["status"], &answer["location"]), (&json!(302), &json!("http://127.0.0.1:1/")));
    assert_eq!(seen.requests().len(), 1);
}

#[tokio::test]
async fn a_slow_server_is_a_timeout_that_the_action_can_answer() {
    let (stage, url, _) = against(Answer::Never).await;
    let mut acting = Acting::within(&stage, Duration::from_millis(400)).await;
    let begun = Instant::now();
    let failed = acting.fails(json!({ "op": "http", "url": url })).await;
    assert_eq!(failed, ("timeout".to_owned(), true));
    assert!((350..400).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert!(acting.0.usage().waited >= Duration::from_millis(350));
    assert_eq!(acting.does(json!({ "op": "nothing" })).await, "nothing", "it goes on");
}

#[tokio::test]
async fn a_body_that_drips_is_a_timeout() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec();
    let (stage, url, _) = against(Answer::bytes(head)).await;
    let mut acting = Acting::within(&stage, Duration::from_millis(300)).await;
    assert_eq!(acting.fails(json!({ "op": "http", "url": url })).await, ("timeout".to_owned(), true));
}

#[tokio::test]
async fn broken_connections_are_unreachable_and_may_be_tried_again() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec();
    let table = [
        (Answer::Reset, "unreachable: "),
        (Answer::Half(half.into()), "unreachable: the answer broke after 4 bytes"),
        (Answer::Half(b"HTTP/1.1 20".to_vec().into()), "unreachable: "),
        (Answer::bytes("SMTP what?\r\n\r\n"), "unreachable: "),
        (Answer::bytes(format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(200))), "unreachable: "),
    ];
    for (answer, expected) in table {
        let (stage, url, seen) = against(answer).await;
        let mut acting = stage.instance().await;
        let (reason, retry) = acting.fails(json!({ "op": "http", "url": url })).await;
        assert!(reason.starts_with(expected) && retry, "{expected}: {reason}");
        assert_eq!(seen.requests().len(), 1, "{expected}");
    }
    let (nobody, _) = servers::http(Answer::ok()).await;
    let closed = format!("http://127.0.0.1:{}", if nobody.port() == 1 { 2 } else { 1 });
    let stage = Stage::new(&format!("hosts = [\"{closed}\"]"));
    let (reason, retry) = stage.instance().await.fails(json!({ "op": "http", "url": closed })).await;
    assert!(reason.starts_with("unreachable: ") && retry, "{reason}");
}

#[tokio::test]
async fn long_answers_are_cut_and_long_requests_refused() {
    let mut long = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 3 * MEBIBYTE).into_bytes();
    long.resize(long.len() + 3 * MEBIBYTE, b'y');
    let (stage, url, seen) = against(Answer::bytes(long)).await;
    let mut acting = stage.instance().await;
    let answer = acting.answer(json!({ "op": "http", "url": url, "body_bytes": MEBIBYTE })).await;
    assert_eq!(answer["bytes"], MEBIBYTE);
    assert_eq!(seen.requests()[0].split("\r\n\r\n").nth(1).unwrap().len(), MEBIBYTE);
    let usage = acting.0.usage();
    assert_eq!((usage.sent_bytes, usage.received_bytes), (MEBIBYTE as u64, MEBIBYTE as u64));
    let (reason, retry) = acting.fails(json!({ "op": "http", "url": url, "body_bytes": MEBIBYTE + 1 })).await;
    assert!(reason.starts_with("refused: the body has 1048577 bytes") && !retry, "{reason}");
    assert_eq!(seen.requests().len(), 1);
}

#[tokio::test]
async fn a_call_sends_only_so_many_requests() {
    let (stage, url, seen) = against(Answer::ok()).await;
    let mut acting = stage.instance().await;
    let (reason, _) = acting.fails(json!({ "op": "http", "url": url, "times": 65 })).await;
    assert!(reason.starts_with("refused: more than 64 requests"), "{reason}");
    assert_eq!((seen.requests().len(), seen.connections()), (64, 1));
    acting.does(json!({ "op": "http", "url": url })).await;
}

#[tokio::test]
async fn certificates_are_checked_for_the_name() {
    let made = rcgen::generate_simple_self_signed(["hooks.example.com".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = made.signing_key.serialize_der().try_into().unwrap();
    let (address, seen) = servers::https(certificate.clone(), key, Answer::ok()).await;
    let port = address.port();
    let stage = || {
        Stage::new(&format!(
            "hosts = [\"internal:hooks.example.com:{port}\", \"internal:other.example.com:{port}\"]"
        ))
        .name("hooks.example.com", &[&["127.0.0.1"]])
        .name("other.example.com", &[&["127.0.0.1"]])
    };
    let occasion = |name: &str| json!({ "op": "http", "url": format!("https://{name}.example.com:{port}/") });
    let trusting = stage().root(certificate);
    let answer = trusting.instance().await.answer(occasion("hooks")).await;
    assert_eq!(answer["status"], 200);
    let (reason, retry) = trusting.instance().await.fails(occasion("other")).await;
    assert!(reason.starts_with("unreachable: invalid peer certificate") && retry, "{reason}");
    let (reason, _) = stage().instance().await.fails(occasion("hooks")).await;
    assert!(reason.starts_with("unreachable: invalid peer certificate"), "{reason}");
    assert_eq!(seen.requests().len(), 1);
}

#[tokio::test]
async fn in_a_dry_run_nothing_leaves_and_everything_is_noted() {
    let (address, seen) = servers::http(Answer::ok()).await;
    let port = address.port();
    let stage = Stage::new(&format!(
        "hosts = [\"internal:http://hooks.example.com:{port}\"]\nsecrets = [\"path\"]\nmail = [\"@example.com\"]"
    ))
    .name("hooks.example.com", &[&["127.0.0.1"]]);
    let capabilities = stage.capabilities().dry_run();
    let mut acting = Acting::new(capabilities.clone()).await;
    let url = format!("http://hooks.example.com:{port}/hook?token=abc");
    let answer = acting.answer(json!({ "op": "http", "url": url, "body": "hello" })).await;
    assert_eq!((&answer["status"], &answer["bytes"]), (&json!(202), &json!(0)));
    let url = format!("http://hooks.example.com:{port}/services/");
    acting.does(json!({ "op": "http", "url": url, "secret_path": "path", "method": "PUT" })).await;
    acting.does(json!({ "op": "mail", "to": "a@example.com", "text": "hi" })).await;
    let (reason, _) = acting.fails(json!({ "op": "http", "url": "https://evil.example/" })).await;
    assert_eq!(reason, "refused: evil.example is not granted", "grants hold in a dry run");
    let (reason, _) = acting.fails(json!({ "op": "mail", "to": "a@evil.example" })).await;
    assert_eq!(reason, "refused: mail to a@evil.example is not granted");

    let notes = capabilities.take_notes();
    let site = format!("http://hooks.example.com:{port}");
    let expected = [
        Noted::Http { method: "POST".to_owned(), url: format!("{site}/hook"), bytes: 5 },
        Noted::Http { method: "PUT".to_owned(), url: format!("{site}/services/[secret path]"), bytes: 0 },
        Noted::Mail { recipients: vec!["a@example.com".to_owned()], bytes: 2 },
    ];
    assert_eq!((notes.noted, notes.dropped), (expected.to_vec(), 0));
    assert!(PATH_SECRET.contains('/'), "a secret that is several segments is known too");
    assert_eq!(capabilities.take_notes(), lapwing::outside::Notes::default());
    assert_eq!((seen.connections(), stage.names.asked.load(std::sync::atomic::Ordering::Relaxed)), (0, 0));
    assert_eq!(acting.0.usage().requests, 0);
}
