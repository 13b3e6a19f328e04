//! The command line as a client of a server.

use serde_json::Value;

use crate::components::{expiring, variant};
use crate::harness::{Ran, example};
use crate::server::Server;

/// A server with the example in two files beside it.
fn with_files() -> Server {
    let server = Server::new();
    server.bench.write("certificate-expiry.wasm", example());
    server.bench.write("next.wasm", variant(example(), 1));
    server
}

fn done(server: &Server, arguments: &[&str]) -> String {
    let Ran { code, stdout, stderr } = server.cli(arguments);
    assert_eq!(code, 0, "{arguments:?}: {stderr}");
    stdout
}

#[test]
fn a_plugin_goes_from_push_to_rollback() {
    let server = with_files();
    let pushed = done(&server, &["plugin", "push", "certificate-expiry.wasm"]);
    assert!(pushed.starts_with("certificate_expiry version 1 ("), "{pushed}");
    assert!(pushed.contains("is live, for certificate_expiry"), "{pushed}");
    let pushed = done(&server, &["plugin", "push", "next.wasm", "--name", "certificate_expiry"]);
    assert!(pushed.contains("version 2") && pushed.contains("is shadow"), "{pushed}");
    server.take(&[expiring("a", 0)]);
    server.detection_of("a");
    let list = done(&server, &["plugin", "list"]);
    let line = list.lines().find(|line| line.starts_with("certificate_expiry")).unwrap();
    assert_eq!(line.split_whitespace().collect::<Vec<_>>()[1..6], ["rule", "1", "2", "2", "true"]);
    let diff = done(&server, &["plugin", "diff", "certificate_expiry"]);
    assert!(diff.starts_with("live 1 against shadow 2"), "{diff}");
    let promoted = done(&server, &["plugin", "promote", "certificate_expiry"]);
    assert!(promoted.starts_with("version 2 of certificate_expiry is live, 1 was; took"), "{promoted}");
    let back = done(&server, &["plugin", "rollback", "certificate_expiry"]);
    assert!(back.starts_with("version 1 of certificate_expiry is live, 2 was; took"), "{back}");
    done(&server, &["plugin", "shadow", "certificate_expiry", "2"]);
    assert_eq!(server.get("/api/v1/plugins/certificate_expiry")["shadow"], 2);
    done(&server, &["plugin", "shadow", "certificate_expiry"]);
    done(&server, &["plugin", "disable", "certificate_expiry"]);
    let inspected = done(&server, &["plugin", "inspect", "certificate_expiry", "--json"]);
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!((&inspected["enabled"], &inspected["shadow"]), (&Value::Bool(false), &Value::Null));
    done(&server, &["plugin", "enable", "certificate_expiry"]);
    done(&server, &["plugin", "delete", "certificate_expiry", "2"]);
    assert_eq!(done(&server, &["plugin", "delete", "certificate_expiry"]), "certificate_expiry is deleted\n");
    server.ask("GET", "/api/v1/plugins/certificate_expiry").send().problem(404, "unknown-plugin");
}

#[test]
fn what_the_server_refuses_is_said_in_its_words() {
    let server = with_files();
    server.bench.write("broken.wasm", b"nothing");
    for (arguments, words) in [
        (
            &["plugin", "push", "broken.wasm"][..],
            "Invalid component: the component is not a WebAssembly component",
        ),
        (&["plugin", "push", "missing.wasm"], "missing.wasm cannot be read"),
        (&["plugin", "promote", "nothing"], "Unknown plugin: there is no plugin nothing (404"),
        (&["plugin", "diff", "resource_exhaustion"], "No shadow: nothing runs beside the live version"),
        (&["token", "create", "x", "--role", "king"], "Invalid request"),
    ] {
        let ran = server.cli(arguments);
        assert_eq!(ran.code, 1, "{arguments:?}");
        assert!(ran.stderr.starts_with("lapwing: ") && ran.stderr.contains(words), "{}", ran.stderr);
    }
    let nobody = server.bench.run(&["plugin", "list", "--server", server.url()]);
    assert_eq!(nobody.code, 1);
    assert!(nobody.stderr.contains("LAPWING_TOKEN"), "{}", nobody.stderr);
    let nowhere = server.bench.run(&["plugin", "list", "--server", "http://127.0.0.1:1", "--token", "lw_x"]);
    assert!(nowhere.stderr.contains("does not answer"), "{}", nowhere.stderr);
}

#[test]
fn tokens_are_made_listed_and_revoked() {
    let server = Server::new();
    let made = done(&server, &["token", "create", "probe", "--role", "viewer", "--expires-in-s", "600"]);
    let token = made.trim();
    server.ask("GET", "/api/v1/summary").token(token).send().ok();
    let list = done(&server, &["token", "list"]);
    assert!(!list.contains(token));
    let id = list.lines().find(|line| line.contains(" probe ")).unwrap().split_whitespace().next().unwrap();
    assert_eq!(done(&server, &["token", "revoke", id]), format!("{id} is revoked\n"));
    server.ask("GET", "/api/v1/summary").token(token).send().problem(401, "unauthorized");
}
