//! Whose components come in.

use serde_json::json;

use crate::harness::example;
use crate::server::Server;

const PLUGIN: &str = "/api/v1/plugins/certificate_expiry";

/// A server that trusts the key in `release.key`, and knows nothing of that in `other.key`.
fn strict() -> Server {
    let mut server = Server::prepared("");
    server.bench.write("certificate_expiry.wasm", example());
    let trusted = server.bench.run(&["plugin", "keygen", "release.key"]);
    assert_eq!(server.bench.run(&["plugin", "keygen", "other.key"]).code, 0);
    assert_eq!(trusted.code, 0, "{}", trusted.stderr);
    let line = trusted.stdout.replace('…', "release");
    server.configure(&format!("[components]\nsignatures = \"required\"\n{line}\n"));
    server.start();
    server
}

fn push(server: &Server, key: &str, id: &str) -> crate::harness::Ran {
    server.cli(&["plugin", "push", "certificate_expiry.wasm", "--sign", key, "--key-id", id])
}

#[test]
fn only_what_a_trusted_key_signed_comes_in() {
    let server = strict();
    server.push("certificate_expiry", example(), "live").problem(403, "signature-required");
    let unsigned = server.cli(&["plugin", "push", "certificate_expiry.wasm"]);
    assert_eq!(unsigned.code, 1);
    assert!(unsigned.stderr.contains("Signature required"), "{}", unsigned.stderr);
    for (key, id) in [("other.key", "release"), ("release.key", "other")] {
        let refused = push(&server, key, id);
        assert_eq!(refused.code, 1);
        assert!(refused.stderr.contains("Signature invalid"), "{}", refused.stderr);
    }
    server.ask("GET", PLUGIN).send().problem(404, "unknown-plugin");
    let pushed = push(&server, "release.key", "release");
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    assert_eq!(server.get(PLUGIN)["versions"][0]["signed_by"], "release");
}

#[test]
fn a_signature_is_good_for_the_bytes_it_was_made_over_only() {
    let server = strict();
    let key = std::fs::read(server.bench.path("release.key")).unwrap();
    let signature = lapwing::access::sign(example(), &key, "release").unwrap();
    let other = crate::components::variant(example(), 1);
    let push = |component: &[u8], signature: &str| {
        server.ask("POST", PLUGIN).header("lapwing-signature", signature).body(component).send()
    };
    push(&other, &signature).problem(403, "signature-invalid");
    for nonsense in ["", "ed25519 release", "ed25519 release !!!", "rsa release AAAA"] {
        push(example(), nonsense).problem(403, "signature-invalid");
    }
    assert_eq!(push(example(), &signature).ok()["version"], 1);
}

#[test]
fn a_private_key_is_for_its_owner_only_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let server = strict();
    let key = server.bench.path("release.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(&key).unwrap();
    assert_eq!(server.bench.run(&["plugin", "keygen", "release.key"]).code, 1);
    assert_eq!(std::fs::read(&key).unwrap(), before);
}

#[test]
fn without_the_policy_a_wrong_signature_is_still_wrong() {
    let server = Server::new();
    let wrong = server.ask("POST", PLUGIN).header("lapwing-signature", "ed25519 nobody AAAA").body(example());
    wrong.send().problem(403, "signature-invalid");
    assert_eq!(server.push("certificate_expiry", example(), "live").ok()["version"], json!(1));
}
