//! An identity provider's tokens, and TLS.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::client::Answer;
use crate::harness::with;
use crate::server::{Server, sample};

const ACCESS: &str = "[access.jwt]\nissuer = \"https://id.example\"\naudience = \"lapwing\"\njwks_file = \"keys.json\"\n\
                      role_claim = \"realm.role\"\nleeway_s = 0\n";

fn key() -> Vec<u8> {
    Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).unwrap().as_ref().to_vec()
}

/// The set of public keys that the provider would publish.
fn published(key: &[u8]) -> String {
    let public = Ed25519KeyPair::from_pkcs8(key).unwrap();
    let x = URL_SAFE_NO_PAD.encode(public.public_key().as_ref());
    json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "one", "alg": "EdDSA", "use": "sig", "x": x }] })
        .to_string()
}

fn token(key: &[u8], claims: &Value) -> String {
    let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::EdDSA) };
    encode(&header, claims, &EncodingKey::from_ed_der(key)).unwrap()
}

fn claims(role: &str) -> Value {
    let now = lapwing::time::Millis::now().0 / 1000;
    json!({
        "iss": "https://id.example", "aud": "lapwing", "sub": "u-1", "name": "Ada", "exp": now + 600,
        "realm": { "role": role },
    })
}

fn summary(server: &Server, token: &str) -> Answer {
    server.ask("GET", "/api/v1/summary").token(token).send()
}

#[test]
fn a_provider_s_token_counts_as_its_claims_say() {
    let key = key();
    let mut server = Server::prepared(ACCESS);
    server.bench.write("keys.json", published(&key));
    server.start();
    summary(&server, &token(&key, &claims("viewer"))).ok();
    summary(&server, &token(&key, &claims("ingest"))).problem(403, "forbidden");
    let operator = token(&key, &claims("operator"));
    let rule = server.ask("PATCH", "/api/v1/rules/resource_exhaustion").token(&operator);
    rule.json(&json!({ "threshold": 0.5 })).send().ok();
    let entry = server.get("/api/v1/audit?limit=1")["entries"][0].clone();
    assert_eq!(entry["who"]["name"], "Ada");
    assert_eq!((&entry["who"]["kind"], &entry["who"]["id"]), (&json!("jwt"), &json!("u-1")));
    assert!(!server.log().contains(&operator));
}

#[test]
fn a_token_that_is_not_the_provider_s_or_not_for_us_is_refused() {
    let (key, other) = (key(), self::key());
    let mut server = Server::prepared(ACCESS);
    server.bench.write("keys.json", published(&key));
    server.start();
    let past = lapwing::time::Millis::now().0 / 1000 - 5;
    for (what, token) in [
        ("another key", token(&other, &claims("admin"))),
        ("expired", token(&key, &with(claims("admin"), json!({ "exp": past })))),
        ("not yet", token(&key, &with(claims("admin"), json!({ "nbf": past + 1000 })))),
        ("another issuer", token(&key, &with(claims("admin"), json!({ "iss": "https://evil.example" })))),
        ("another audience", token(&key, &with(claims("admin"), json!({ "aud": "other" })))),
        ("no role", token(&key, &with(claims("admin"), json!({ "realm": null })))),
        ("another role", token(&key, &claims("king"))),
        ("no signature", unsigned(&claims("admin"))),
        ("a shared secret", shared_secret(&key, &claims("admin"))),
    ] {
        let answer = summary(&server, &token);
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
    }
}

fn unsigned(claims: &Value) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(json!({ "alg": "none", "kid": "one" })), part(claims.clone()))
}

/// The public key taken for the secret of an algorithm that has one.
fn shared_secret(key: &[u8], claims: &Value) -> String {
    let public = Ed25519KeyPair::from_pkcs8(key).unwrap();
    let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::HS256) };
    encode(&header, claims, &EncodingKey::from_secret(public.public_key().as_ref())).unwrap()
}

#[test]
fn the_provider_s_keys_are_changed_by_a_reload() {
    let (old, new) = (key(), key());
    let mut server = Server::prepared(ACCESS);
    server.bench.write("keys.json", published(&old));
    server.start();
    server.bench.write("keys.json", published(&new));
    summary(&server, &token(&new, &claims("viewer"))).problem(401, "unauthorized");
    server.ask("POST", "/api/v1/configuration/reload").send().ok();
    summary(&server, &token(&new, &claims("viewer"))).ok();
    summary(&server, &token(&old, &claims("viewer"))).problem(401, "unauthorized");
    server.bench.write("keys.json", "nothing");
    server.ask("POST", "/api/v1/configuration/reload").send().problem(400, "invalid-configuration");
    summary(&server, &token(&new, &claims("viewer"))).ok();
}

#[test]
fn keys_that_cannot_be_read_keep_the_server_from_starting() {
    let mut server = Server::prepared(ACCESS);
    let (code, said) = server.try_start().unwrap_err();
    assert_eq!(code, 1);
    assert!(said.contains("keys.json"), "{said}");
}

#[test]
fn tls_is_spoken_with_the_files_given() {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let files = "[server.tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\n";
    let mut server = Server::prepared(files);
    server.bench.write("server.pem", made.cert.pem());
    server.bench.write("server.key", made.signing_key.serialize_pem());
    server.start();
    assert!(server.url().starts_with("https://127.0.0.1:"), "{}", server.url());
    let stranger = server.ask("GET", "/healthz").try_send();
    assert!(stranger.is_err(), "nobody vouches for it");
    let roots = RootCerts::new_with_certs(&[Certificate::from_pem(made.cert.pem().as_bytes()).unwrap()]);
    let tls = TlsConfig::builder().root_certs(roots).build();
    server.agent = ureq::Agent::config_builder().http_status_as_error(false).tls_config(tls).build().into();
    server.take(&[sample("a", 0)]);
    assert_eq!(server.history("a", 1).len(), 1);
    let mut plain = server.ask("GET", "/healthz");
    plain.url = plain.url.replace("https", "http");
    assert!(plain.try_send().map_or(true, |answer| answer.status == 400), "nothing is said in the clear");
}

#[test]
fn tls_files_that_cannot_be_used_keep_the_server_from_starting() {
    let mut server = Server::prepared("[server.tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\n");
    let (code, said) = server.try_start().unwrap_err();
    assert_eq!(code, 1);
    assert!(said.contains("server.pem"), "{said}");
}

#[test]
fn nothing_is_shown_to_the_network_without_tls_or_a_word() {
    let mut server = Server::prepared("");
    server.listen("0.0.0.0:0");
    let (code, said) = server.try_start().unwrap_err();
    assert_eq!(code, 1);
    assert!(said.contains("server.listen") && said.contains("without TLS"), "{said}");
    assert!(!server.data().exists(), "nothing was made");
    server.variable("LAPWING__SERVER__INSECURE", "true");
    server.start();
    assert!(server.url().starts_with("http://0.0.0.0:"));
}
