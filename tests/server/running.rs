//! Beginning, settings from outside, and the end.

use serde_json::json;

use crate::server::{Server, exhausted, sample};

#[test]
fn a_new_configuration_is_valid_and_serves() {
    let mut server = Server::prepared("");
    let made = server.bench.run(&["init", "site"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(made.stdout.contains("lapwing serve --config site/lapwing.toml"), "{}", made.stdout);
    let again = server.bench.run(&["init", "site"]);
    assert_eq!(again.code, 1, "nothing is overwritten");
    let checked = server.bench.run(&["check", "--config", "site/lapwing.toml"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert!(checked.stdout.contains("the configuration is valid"), "{}", checked.stdout);
    server.arguments(&["serve", "--config", "site/lapwing.toml", "--data-dir", "data"]);
    server.start();
    assert!(!server.log().contains("refused"), "{}", server.log());
    server.take(&[exhausted("a", 0), exhausted("a", 1)]);
    server.detection_of("a");
}

#[test]
fn what_init_wrote_serves_from_its_own_folder() {
    let mut server = Server::prepared("");
    assert_eq!(server.bench.run(&["init"]).code, 1, "there is a lapwing.toml already");
    std::fs::remove_file(server.bench.path("lapwing.toml")).unwrap();
    assert_eq!(server.bench.run(&["init"]).code, 0);
    server.start();
    assert!(!server.log().contains("refused"), "{}", server.log());
}

#[test]
fn the_environment_stands_in_for_keys_of_the_configuration() {
    let mut server = Server::prepared("[server]\nlisten = \"127.0.0.1:1\"\n");
    server.variable("LAPWING__SERVER__LISTEN", "127.0.0.1:0");
    server.variable("LAPWING__HISTORY__MAX_DATA_POINTS", "25");
    server.start();
    server.take(&(0..40).map(|second| sample("a", second)).collect::<Vec<_>>());
    server.until("the oldest are gone", || {
        let answer = server.ask("GET", "/api/v1/systems/a").send();
        (answer.status == 200 && answer.json()["data_points_count"] == 25).then_some(())
    });
    assert_eq!(server.stop(), 0);
    server.variable("LAPWING__HISTORY__NOTHING", "1");
    let (code, said) = server.try_start().unwrap_err();
    assert_eq!(code, 1);
    assert!(said.to_lowercase().contains("nothing") && said.contains("environment"), "{said}");
}

#[test]
fn the_command_line_has_the_last_word_on_where_to_listen() {
    let mut server = Server::prepared("[server]\nlisten = \"127.0.0.1:1\"\n");
    server.variable("LAPWING__SERVER__LISTEN", "");
    server.arguments(&["serve", "--config", "lapwing.toml", "--data-dir", "data", "--listen", "127.0.0.1:0"]);
    server.start();
    assert_ne!(server.url(), "http://127.0.0.1:1");
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut server = Server::prepared("");
    let address = taken.local_addr().unwrap().to_string();
    server.listen(&address);
    let (code, said) = server.try_start().unwrap_err();
    assert_eq!(code, 1);
    assert!(said.contains("server.listen") && said.contains(&address), "{said}");
    server.listen("127.0.0.1:0");
    server.start();
    server.get("/api/v1/tokens");
}

#[test]
fn it_says_that_it_lives_and_is_ready_and_ends_with_zero_when_asked() {
    let mut server = Server::new();
    for signal in ["TERM", "INT"] {
        assert_eq!(server.ask("GET", "/healthz").anonymous().send().ok(), json!({ "status": "ok" }));
        assert_eq!(server.ask("GET", "/readyz").anonymous().send().ok(), json!({ "state": "ready" }));
        server.take(&[sample(signal, 0)]);
        server.signal(signal);
        assert_eq!(server.stop(), 0, "{}", server.log());
        server.start();
        assert_eq!(server.history(signal, 1).len(), 1);
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn samples_under_way_at_the_end_are_answered_or_refused_never_lost() {
    let mut server = Server::new();
    let url = format!("{}/api/v1/samples", server.url());
    let accepted: u32 = std::thread::scope(|scope| {
        let sender = |thread: u32| {
            let (server, url) = (&server, url.clone());
            scope.spawn(move || {
                for second in 0.. {
                    let rows = json!([sample(&format!("s{thread}"), second)]);
                    let mut ask = server.ask("POST", "/api/v1/samples").json(&rows);
                    ask.url.clone_from(&url);
                    match ask.try_send() {
                        Ok(answer) if answer.status == 200 => {}
                        _ => return second,
                    }
                }
                0
            })
        };
        let senders: Vec<_> = (0..3).map(sender).collect();
        server.until("some are taken", || {
            (server.metric("lapwing_samples_accepted_total") > 50.0).then_some(())
        });
        server.signal("TERM");
        senders.into_iter().map(|sender| sender.join().unwrap()).sum()
    });
    assert_eq!(server.stop(), 0);
    server.start();
    assert_eq!(
        server.metric("lapwing_samples_total{fate=\"judged\"}"),
        0.0,
        "all of them were judged before the end"
    );
    let kept: usize = (0..3).map(|thread| server.history(&format!("s{thread}"), 1).len()).sum();
    assert_eq!(kept, accepted as usize);
}

#[test]
fn metrics_are_text_that_collectors_read() {
    let server = Server::new();
    server.take(&[sample("a", 0)]);
    server.history("a", 1);
    let answer = server.ask("GET", "/metrics").send();
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    assert!(answer.text.ends_with("# EOF\n"), "{}", answer.text);
    for line in answer.text.lines().filter(|line| !line.starts_with('#')) {
        let value = line.rsplit(' ').next().unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    assert_eq!(server.metric("lapwing_samples_accepted_total"), 1.0);
    assert_eq!(server.metric("lapwing_systems"), 1.0);
    assert_eq!(server.metric("lapwing_read_only"), 0.0);
}

#[test]
fn without_room_on_the_disk_nothing_is_taken_and_everything_can_be_read() {
    let mut server = Server::new();
    server.take(&[sample("a", 0)]);
    server.history("a", 1);
    assert_eq!(server.stop(), 0);
    server.configure(&format!("[store]\nfree_bytes_min = {}\n", 1_u64 << 40));
    server.start();
    server.until("it has looked", || {
        let answer = server.ask("GET", "/readyz").send();
        (answer.status == 503 && answer.json()["state"] == "read_only").then_some(())
    });
    let refused = server.post("/api/v1/samples", &json!([sample("a", 1)]));
    refused.problem(503, "store-unwritable");
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(server.history("a", 1).len(), 1);
    assert_eq!(server.get("/api/v1/summary")["state"], "read_only");
}
