//! The store directory: whose it is, what it is told apart by, and its copies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::client::Answer;
use crate::server::{Server, exhausted, sample};

/// Every file of a directory with its bytes.
fn content(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(content(&path));
        } else {
            files.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    files
}

/// A server that has seen something worth keeping.
fn lived_in() -> Server {
    let server = Server::new();
    server.take(&[exhausted("a", 0), exhausted("a", 1), sample("b", 0), sample("b", 1)]);
    server.detection_of("a");
    server.ask("PATCH", "/api/v1/rules/resource_exhaustion").json(&json!({ "threshold": 0.8 })).send().ok();
    server
}

/// What a user sees of it.
fn seen(server: &Server) -> (Vec<Value>, Vec<Value>, Vec<Value>, Value) {
    let threshold = server.get("/api/v1/rules/resource_exhaustion")["threshold"].clone();
    let mut detections = server.detections("");
    // What is done about them goes on meanwhile.
    detections.iter_mut().for_each(|detection| detection["history"] = Value::Null);
    (detections, server.history("a", 2), server.history("b", 2), threshold)
}

#[test]
fn a_store_of_a_newer_format_is_refused_and_not_touched() {
    let mut server = lived_in();
    assert_eq!(server.stop(), 0);
    let format = std::fs::read_to_string(server.data().join("FORMAT")).unwrap();
    let newer = format.trim().parse::<u32>().unwrap() + 1;
    std::fs::write(server.data().join("FORMAT"), format!("{newer}\n")).unwrap();
    let before = content(&server.data());
    let (code, said) = server.try_start().unwrap_err();
    assert_eq!(code, 1);
    assert!(said.contains("format") && said.contains(&newer.to_string()), "{said}");
    assert_eq!(content(&server.data()), before);
    for what in [&["verify"][..], &["export", "samples"], &["backup", "copy"]] {
        let ran = server.bench.run(&[&["store", "--data-dir", "data"], what].concat());
        assert_eq!(ran.code, 1, "{what:?}: {}", ran.stdout);
    }
    assert_eq!(content(&server.data()), before);
    std::fs::write(server.data().join("FORMAT"), format).unwrap();
    server.start();
    assert_eq!(server.detections("").len(), 1);
}

#[test]
fn a_store_without_its_format_is_refused() {
    let mut server = lived_in();
    assert_eq!(server.stop(), 0);
    std::fs::remove_file(server.data().join("FORMAT")).unwrap();
    let (_, said) = server.try_start().unwrap_err();
    assert!(said.contains("FORMAT is missing"), "{said}");
}

#[test]
fn a_second_server_on_the_same_store_is_refused_and_the_first_goes_on() {
    let server = lived_in();
    let before = seen(&server);
    for command in [
        &["serve", "--data-dir", "data", "--listen", "127.0.0.1:0"][..],
        &["store", "verify", "--data-dir", "data"],
    ] {
        let ran = server.bench.run(command);
        assert_eq!(ran.code, 1);
        assert!(ran.stderr.contains("in use"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
    assert_eq!(seen(&server), before);
    server.take(&[sample("c", 0)]);
}

#[test]
fn a_damaged_store_is_refused_in_words() {
    let mut server = lived_in();
    assert_eq!(server.stop(), 0);
    std::fs::write(server.data().join("FORMAT"), "one\n").unwrap();
    let (code, said) = server.try_start().unwrap_err();
    assert_eq!(code, 1);
    assert!(said.contains("FORMAT says \"one\", expected a number"), "{said}");
}

#[test]
fn a_stopped_store_is_verified_exported_and_copied() {
    let mut server = lived_in();
    assert_eq!(server.stop(), 0);
    let run = |arguments: &[&str]| {
        let ran = server.bench.run(&[&["store", "--data-dir", "data"], arguments].concat());
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.stderr);
        ran.stdout
    };
    let verified = run(&["verify"]);
    assert!(verified.ends_with("every record can be read\n"), "{verified}");
    let records = |table: &str| -> u64 {
        let line = verified.lines().find(|line| line.split_whitespace().next() == Some(table));
        line.unwrap().split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    assert_eq!((records("systems"), records("detections"), records("tokens")), (2, 1, 1));
    assert!(records("journal") <= 1, "only the newest round, which says how far training has come");
    let lines = |what: &str| -> Vec<Value> {
        run(&["export", what]).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(lines("samples").len(), 4);
    assert_eq!(lines("detections")[0]["rule_id"], "resource_exhaustion");
    assert!(lines("events").iter().any(|event| event["event"] == "detection_opened"));
    assert_eq!(lines("audit")[0]["what"], "rule.change");
    run(&["backup", "copy"]);
    let again = server.bench.run(&["store", "--data-dir", "data", "backup", "copy"]);
    assert!(again.stderr.contains("not empty"), "{}", again.stderr);
    server.start();
    let before = seen(&server);
    on_copy(&mut server, "copy");
    assert_eq!(seen(&server), before);
}

/// Starts the server on a copy of its store.
fn on_copy(server: &mut Server, copy: &str) {
    assert_eq!(server.stop(), 0);
    server.arguments(&["serve", "--config", "lapwing.toml", "--data-dir", copy]);
    server.start();
}

#[test]
fn exported_samples_are_what_replay_reads() {
    let mut server = lived_in();
    assert_eq!(server.stop(), 0);
    let exported = server.bench.run(&["store", "--data-dir", "data", "export", "samples"]).stdout;
    server.bench.write("samples.ndjson", exported);
    let ran = server.bench.run(&["replay", "samples.ndjson", "--strict"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let opened = ran.events().into_iter().find(|event| event["event"] == "opened").unwrap();
    assert_eq!((&opened["rule_id"], &opened["system_id"]), (&json!("resource_exhaustion"), &json!("a")));
}

fn backup(server: &Server, directory: &Path) -> Answer {
    server.post("/api/v1/store/backup", &json!({ "directory": directory }))
}

#[test]
fn a_copy_of_a_running_store_has_everything() {
    let mut server = lived_in();
    let copied = backup(&server, &server.bench.path("copy")).ok();
    assert!(copied["records"].as_u64().unwrap() > 10, "{copied}");
    backup(&server, &server.bench.path("copy")).problem(400, "invalid-request");
    backup(&server, Path::new("relative")).problem(400, "invalid-request");
    assert_eq!(server.get("/api/v1/audit?limit=1")["entries"][0]["what"], "store.backup");
    let before = seen(&server);
    server.take(&[sample("later", 0)]);
    on_copy(&mut server, "copy");
    assert_eq!(seen(&server), before, "with the same tokens, too");
    server.ask("GET", "/api/v1/systems/later").send().problem(404, "unknown-system");
    server.take(&[exhausted("a", 2)]);
    server.until("it goes on", || (server.detection_of("a")["occurrences"] == 2).then_some(()));
}

#[test]
fn a_copy_made_while_samples_come_has_no_detection_cut_short() {
    let mut server = Server::new();
    // The more there is to copy, the more happens meanwhile.
    for part in 0..10 {
        let rows: Vec<Value> = (0..1000).map(|n| sample(&format!("w{part}-{n}"), 0)).collect();
        server.take(&rows);
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sender = |thread: u32| {
            let (server, stop) = (&server, &stop);
            scope.spawn(move || {
                for n in (0..).take_while(|_| !stop.load(Ordering::Relaxed)) {
                    let system = |place| format!("s{thread}-{}", place / 2 + n * 10);
                    let rows: Vec<Value> =
                        (0..20).map(|place| exhausted(&system(place), place % 2)).collect();
                    server.take(&rows);
                }
            })
        };
        let senders: Vec<_> = (0..4).map(sender).collect();
        server.until("there are some", || (server.metric("lapwing_detections_active") > 200.0).then_some(()));
        for copy in COPIES {
            backup(&server, &server.bench.path(copy)).ok();
        }
        stop.store(true, Ordering::Relaxed);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    });
    for copy in COPIES {
        on_copy(&mut server, copy);
        assert!(server.metric("lapwing_detections_active") > 200.0);
        let resolved = server.detections("?status=resolved&limit=500");
        assert!(resolved.is_empty(), "{copy}: {} were over, such as {}", resolved.len(), resolved[0]);
        let active = server.detections("?status=active&limit=500");
        for detection in active.iter().take(50) {
            let system = detection["system_id"].as_str().unwrap();
            assert_eq!(server.history(system, 2).len(), 2, "{copy}");
        }
    }
}

const COPIES: [&str; 3] = ["one", "two", "three"];
