use std::fs;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::provider::{NOW, Provider};
use crate::access::{AccessConfigError, JwtSettings, JwtVerifier, LEEWAY_S_MAX};

fn refused(settings: &JwtSettings) -> String {
    JwtVerifier::load(settings).unwrap_err().to_string()
}

fn with(mut key: Value, member: &str, value: impl Into<Value>) -> Value {
    key[member] = value.into();
    key
}

#[test]
fn keys_of_other_kinds_are_refused_by_name() {
    let provider = Provider::new();
    let (rsa, ed) = (Provider::rsa_jwk(), provider.ed25519_jwk());
    let table = [
        (json!({ "kty": "oct", "kid": "hs", "k": "c2VjcmV0" }), "key \"hs\": a shared secret"),
        (json!({ "kty": "EC", "kid": "ec", "crv": "P-256", "x": "", "y": "" }), "key \"ec\": kty \"EC\""),
        (json!({ "kty": "EC" }), "key number 1: kty \"EC\""),
        (with(rsa.clone(), "alg", "RS512"), "key \"rsa\": alg \"RS512\" is not taken: expected \"RS256\""),
        (with(rsa.clone(), "alg", "HS256"), "expected \"RS256\""),
        (with(ed.clone(), "alg", "none"), "expected \"EdDSA\""),
        (
            with(rsa.clone(), "n", URL_SAFE_NO_PAD.encode([255; 128])),
            "found 1024 bits, expected 2048 to 8192",
        ),
        (with(rsa.clone(), "n", Value::Null), "n is missing"),
        (with(rsa.clone(), "e", "??"), "e: expected base64url"),
        (with(rsa.clone(), "d", "AQAB"), "its public half alone"),
        (with(rsa.clone(), "use", "other"), "expected \"sig\""),
        (with(ed.clone(), "crv", "X25519"), "expected \"Ed25519\""),
        (with(ed.clone(), "x", "AAAA"), "found 3 bytes, expected 32"),
    ];
    for (key, expected) in table {
        let found = refused(&provider.settings(std::slice::from_ref(&key)));
        assert!(found.contains(expected) && found.contains("jwks.json"), "{found}");
    }
}

#[test]
fn every_key_must_be_told_from_the_others() {
    let provider = Provider::new();
    let rsa = Provider::rsa_jwk();
    let nameless = with(rsa.clone(), "kid", Value::Null);
    assert!(refused(&provider.settings(&[rsa.clone(), rsa.clone()])).contains("same `kid`"));
    assert!(refused(&provider.settings(&[nameless.clone(), rsa.clone()])).contains("no `kid`"));
    assert!(refused(&provider.settings(&[with(rsa, "use", "enc")])).contains("no key for signatures"));
    assert!(refused(&provider.settings(&[])).contains("no key for signatures"));
    let alone = JwtVerifier::load(&provider.settings(&[nameless])).unwrap();
    assert!(alone.verify(&Provider::by_rsa(&Provider::claims()), NOW).is_ok());
}

#[test]
fn keys_for_encryption_are_passed_over() {
    let provider = Provider::new();
    let encryption =
        json!({ "kty": "RSA", "alg": "RSA-OAEP", "use": "enc", "kid": "enc", "n": "AQAB", "e": "AQAB" });
    let verifier = JwtVerifier::load(&provider.settings(&[encryption, provider.ed25519_jwk()])).unwrap();
    assert!(verifier.verify(&provider.by_ed25519(&Provider::claims()), NOW).is_ok());
    assert!(format!("{verifier:?}").contains("[Some(\"ed\")]"));
}

#[test]
fn a_file_that_is_no_set_is_refused() {
    let provider = Provider::new();
    let settings = provider.settings(&[]);
    for (text, expected) in [("", "JWK set"), ("[]", "JWK set"), ("{}", "missing field `keys`")] {
        fs::write(&settings.jwks_file, text).unwrap();
        assert!(refused(&settings).contains(expected), "{text}");
    }
    fs::write(&settings.jwks_file, " ".repeat((1 << 20) + 1)).unwrap();
    assert!(refused(&settings).contains("too large"));
    fs::remove_file(&settings.jwks_file).unwrap();
    assert!(matches!(JwtVerifier::load(&settings), Err(AccessConfigError::File { .. })));
}

#[test]
fn settings_have_defaults_and_bounds() {
    let provider = Provider::new();
    let good = provider.settings(&[Provider::rsa_jwk()]);
    assert_eq!((good.role_claim.as_str(), good.leeway_s), ("role", 60));
    assert!(refused(&JwtSettings { issuer: " ".into(), ..good.clone() }).starts_with("issuer: "));
    assert!(refused(&JwtSettings { audience: String::new(), ..good.clone() }).starts_with("audience: "));
    assert!(refused(&JwtSettings { role_claim: "a..b".into(), ..good.clone() }).starts_with("role_claim: "));
    assert!(refused(&JwtSettings { leeway_s: LEEWAY_S_MAX + 1, ..good.clone() }).starts_with("leeway_s: "));
    let mut text = serde_json::to_value(&good).unwrap();
    assert_eq!(serde_json::from_value::<JwtSettings>(text.clone()).unwrap(), good);
    text["isuer"] = "x".into();
    assert!(serde_json::from_value::<JwtSettings>(text).unwrap_err().to_string().contains("isuer"));
}
