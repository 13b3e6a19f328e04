//! What is not granted is refused, by name, before anything leaves.

use std::sync::atomic::Ordering;

use lapwing::outside::Capabilities;
use lapwing::sandbox::{CallError, LoadError};
use serde_json::json;

use crate::harness::{Acting, HOOK_SECRET, Stage, busybody, configured, sandbox};
use crate::servers::{self, Answer};

#[tokio::test]
async fn a_plugin_lists_its_imports_and_others_are_refused_by_kind() {
    let imports = &busybody().imports;
    for interface in ["log", "http", "secrets", "mail", "history"] {
        let name = format!("lapwing:plugin/{interface}@0.1.0");
        assert!(imports.contains(&name), "{name}: {imports:?}");
    }
    let load = |import: &str, kind: &str| {
        let text = format!(
            "(component (import \"{import}\" (instance)) (instance $i) \
             (export \"lapwing:plugin/{kind}@0.1.0\" (instance $i)))"
        );
        sandbox().load("greedy", &wat::parse_str(text).unwrap()).err().unwrap()
    };
    for kind in ["rule", "scorer"] {
        for interface in ["http", "secrets", "mail", "history"] {
            let import = format!("lapwing:plugin/{interface}@0.1.0");
            let error = load(&import, kind);
            assert!(matches!(&error, LoadError::NotGranted(name) if *name == import), "{kind}: {error}");
        }
    }
    for import in
        ["wasi:http/outgoing-handler@0.2.0", "lapwing:plugin/http@0.2.0", "lapwing:plugin/clock@0.1.0"]
    {
        let error = load(import, "action");
        assert!(matches!(&error, LoadError::NotGranted(name) if name == import), "{error}");
    }
    // Granted by kind, so that what is wrong with it now is its shape.
    let error = load("lapwing:plugin/http@0.1.0", "action");
    assert!(matches!(error, LoadError::WrongShape(_)), "{error}");
}

#[tokio::test]
async fn other_kinds_are_told_apart() {
    let error = busybody().rule("{}").err().unwrap();
    assert_eq!(error.to_string(), "is a plugin of kind action, expected rule");
}

#[tokio::test]
async fn hosts_that_are_not_granted_are_refused_before_they_are_looked_up() {
    let (address, seen) = servers::http(Answer::ok()).await;
    let port = address.port();
    let stage = Stage::new("hosts = [\"hooks.example.com\", \"http://127.0.0.1:1\"]")
        .name("evil.example.com", &[&["93.184.216.34"]]);
    let mut acting = stage.instance().await;
    let table = [
        ("https://evil.example.com/x?y=z".to_owned(), "evil.example.com is not granted"),
        ("http://hooks.example.com/".to_owned(), "http://hooks.example.com is not granted"),
        ("https://hooks.example.com:444/".to_owned(), "hooks.example.com:444 is not granted"),
        (format!("http://127.0.0.1:{port}/"), "http://127.0.0.1:"),
        (format!("http://localhost:{port}/"), "http://localhost:"),
        (format!("http://0x7f000001:{port}/"), "http://127.0.0.1:"),
        (format!("http://[::ffff:127.0.0.1]:{port}/"), "http://[::ffff:7f00:1]:"),
        ("https://a@evil.example.com/".to_owned(), "user or password"),
        ("file:///etc/passwd".to_owned(), "scheme file"),
        ("not a url".to_owned(), "makes no sense"),
    ];
    for (url, expected) in table {
        let (reason, retry) = acting.fails(json!({ "op": "http", "url": url })).await;
        assert!(reason.starts_with("refused: ") && reason.contains(expected) && !retry, "{url}: {reason}");
    }
    assert_eq!(stage.names.asked.load(Ordering::Relaxed), 0);
    assert_eq!(seen.connections(), 0);
    assert_eq!(acting.0.usage().requests, 0);
}

#[tokio::test]
async fn names_that_lead_inside_are_refused() {
    let (address, seen) = servers::http(Answer::ok()).await;
    let port = address.port();
    let table: [(&str, &[&str], Option<&str>); 9] = [
        ("http://hooks.example.com", &["127.0.0.1"], Some("stands for 127.0.0.1, which is internal")),
        ("http://hooks.example.com", &["10.0.0.7"], Some("stands for 10.0.0.7, which is internal")),
        ("http://hooks.example.com", &["::1"], Some("stands for ::1, which is internal")),
        ("http://hooks.example.com", &["93.184.216.34", "127.0.0.1"], Some("stands for 127.0.0.1")),
        ("http://hooks.example.com", &["::ffff:127.0.0.1"], Some("which is internal")),
        ("http://hooks.example.com", &["169.254.169.254"], Some("only where the address itself is granted")),
        (
            "internal:http://hooks.example.com",
            &["169.254.169.254"],
            Some("only where the address itself is granted"),
        ),
        ("http://*.example.com", &["127.0.0.1"], Some("which is internal")),
        ("internal:http://hooks.example.com", &["127.0.0.1"], None),
    ];
    for (grant, addresses, refused) in table {
        let stage =
            Stage::new(&format!("hosts = [\"{grant}:{port}\"]")).name("hooks.example.com", &[addresses]);
        let mut acting = stage.instance().await;
        let occasion = json!({ "op": "http", "url": format!("http://hooks.example.com:{port}/") });
        match refused {
            Some(expected) => {
                let (reason, retry) = acting.fails(occasion).await;
                assert!(reason.contains(expected) && !retry, "{grant} {addresses:?}: {reason}");
                assert_eq!(seen.connections(), 0);
            }
            None => assert_eq!(acting.answer(occasion).await["status"], 200),
        }
    }
}

#[tokio::test]
async fn a_name_is_looked_at_again_for_every_connection() {
    let closing = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    let (address, seen) = servers::http(Answer::bytes(closing)).await;
    let port = address.port();
    let stage = Stage::new(&format!("hosts = [\"internal:http://hooks.example.com:{port}\"]"))
        .name("hooks.example.com", &[&["127.0.0.1"], &["169.254.169.254"], &["127.0.0.1", "0.0.0.0"]]);
    let mut acting = stage.instance().await;
    let occasion = json!({ "op": "http", "url": format!("http://hooks.example.com:{port}/") });
    assert_eq!(acting.answer(occasion.clone()).await["status"], 200);
    for address in ["169.254.169.254", "0.0.0.0"] {
        let (reason, retry) = acting.fails(occasion.clone()).await;
        assert!(reason.contains(&format!("stands for {address}")) && !retry, "{reason}");
    }
    assert_eq!(stage.names.asked.load(Ordering::Relaxed), 3, "one lookup for each connection, and no second");
    assert_eq!(seen.connections(), 1);
}

#[tokio::test]
async fn a_connection_made_under_one_grant_is_not_reused_under_another() {
    let (address, seen) = servers::http(Answer::ok()).await;
    let port = address.port();
    let stage = Stage::new(&format!("hosts = [\"internal:http://hooks.example.com:{port}\"]"))
        .name("hooks.example.com", &[&["127.0.0.1"]]);
    let means = stage.means();
    let occasion = json!({ "op": "http", "url": format!("http://hooks.example.com:{port}/") });
    let mut granted = Acting::new(Capabilities::new(stage.grants.clone(), means.clone())).await;
    granted.does(occasion.clone()).await;
    granted.does(occasion.clone()).await;
    assert_eq!((seen.connections(), seen.requests().len()), (1, 2), "the connection is kept");
    let narrow = toml::from_str(&format!("hosts = [\"http://hooks.example.com:{port}\"]")).unwrap();
    let mut other = Acting::new(Capabilities::new(narrow, means)).await;
    let (reason, _) = other.fails(occasion).await;
    assert!(reason.contains("which is internal"), "{reason}");
    assert_eq!(seen.requests().len(), 2);
}

#[tokio::test]
async fn secrets_are_handed_out_by_grant_and_never_told() {
    let stage = Stage::new("secrets = [\"hook\", \"missing\"]");
    let mut acting = stage.instance().await;
    let signed =
        acting.does(json!({ "op": "sign", "name": "hook", "message": "what do ya want for nothing?" })).await;
    assert_eq!(signed, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    for op in ["sign", "leak"] {
        let (reason, retry) = acting.fails(json!({ "op": op, "name": "other" })).await;
        assert!(reason == "secret \"other\" is not granted" && !retry, "{reason}");
        let (reason, _) = acting.fails(json!({ "op": op, "name": "missing" })).await;
        assert_eq!(reason, "secret \"missing\" is granted, and there is none of this name");
    }
    let leaked = acting.does(json!({ "op": "leak", "name": "hook" })).await;
    assert_eq!(leaked, format!("{} bytes: [secret hook]", HOOK_SECRET.len()));
}

#[tokio::test]
async fn history_is_read_by_grant() {
    let mut granted = Stage::new("history = true").instance().await;
    let read = json!({ "op": "history", "system": "db-1", "limit": 5000 });
    assert_eq!(granted.does(read.clone()).await, "1 series, Some((\"queue_depth\", 1000, 1000))");
    assert_eq!(granted.fails(json!({ "op": "history", "system": "x" })).await.0, "there is no system \"x\"");
    assert_eq!(granted.does(json!({ "op": "peers", "system": "db-1", "limit": 2 })).await, "2 peers");
    let mut other = Stage::new("").instance().await;
    assert_eq!(other.fails(read).await.0, "history is not granted");
    assert_eq!(other.does(json!({ "op": "peers", "system": "db-1", "limit": 2 })).await, "0 peers");
}

#[tokio::test]
async fn while_it_is_configured_an_action_reaches_nothing() {
    let refused = "not while configuring";
    for settings in [
        json!({ "op": "http", "url": "http://127.0.0.1:9/" }),
        json!({ "op": "leak", "name": "hook" }),
        json!({ "op": "sign", "name": "hook", "message": "m" }),
        json!({ "op": "mail", "to": "a@example.com" }),
        json!({ "op": "history", "system": "db-1", "limit": 1 }),
    ] {
        let said = configured(&settings).await.unwrap();
        assert!(said.ends_with(refused), "{settings}: {said}");
    }
    assert_eq!(configured(&json!({ "op": "peers", "system": "db-1", "limit": 1 })).await.unwrap(), "0 peers");
    let error = configured(&json!({ "op": "refuse" })).await.unwrap_err();
    assert_eq!(error.to_string(), "could not be configured: configure answered: asked to");
    let error = configured(&json!({ "op": "loop" })).await.unwrap_err();
    assert!(
        matches!(error, LoadError::Configure(CallError::Deadline { .. } | CallError::Computed { .. })),
        "{error}"
    );
}
