use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::provider::{NOW, Provider, forged, signed};
use crate::access::{Denied, JwtSettings, JwtVerifier, Principal, PrincipalKind, Role};

fn claims_with(member: &str, value: impl Into<Value>) -> Value {
    let mut claims = Provider::claims();
    claims[member] = value.into();
    claims
}

fn claims_without(member: &str) -> Value {
    let mut claims = Provider::claims();
    claims.as_object_mut().unwrap().remove(member);
    claims
}

fn reason(verifier: &JwtVerifier, jwt: &str) -> String {
    match verifier.verify(jwt, NOW) {
        Err(Denied::NotForUs(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_kinds_of_keys_are_taken() {
    let provider = Provider::new();
    let verifier = provider.verifier();
    let ada = Principal {
        kind: PrincipalKind::Jwt,
        id: "u-17".into(),
        name: "Ada".into(),
        role: Role::Operator,
        systems: Vec::new(),
    };
    let claims = Provider::claims();
    for jwt in [Provider::by_rsa(&claims), provider.by_ed25519(&claims)] {
        assert_eq!(verifier.verify(&jwt, NOW), Ok(ada.clone()));
    }
}

#[test]
fn it_is_good_between_its_times() {
    let provider = Provider::new();
    let verifier = provider.verifier();
    let now = NOW.0 / 1000;
    let verify = |claims: Value| verifier.verify(&provider.by_ed25519(&claims), NOW).map(|_| ());
    assert_eq!(verify(claims_with("exp", now - 59)), Ok(()), "within the leeway");
    assert_eq!(verify(claims_with("exp", now - 60)), Err(Denied::Expired));
    assert_eq!(verify(claims_with("exp", 0)), Err(Denied::Expired));
    assert_eq!(verify(claims_with("exp", now as f64 + 0.5)), Ok(()));
    assert_eq!(verify(claims_with("nbf", now + 60)), Ok(()));
    assert_eq!(verify(claims_without("nbf")), Ok(()));
    for (claims, expected) in [
        (claims_with("nbf", now + 61), "not good yet"),
        (claims_with("nbf", (now - 9).to_string()), "nbf is no number"),
        (claims_with("nbf", Value::Null), "nbf is no number"),
        (claims_with("exp", (now + 9).to_string()), "exp"),
        (claims_without("exp"), "exp"),
    ] {
        let found = reason(&verifier, &provider.by_ed25519(&claims));
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn it_must_be_for_us_by_our_provider_about_somebody() {
    let provider = Provider::new();
    let verifier = provider.verifier();
    assert!(verifier.verify(&Provider::by_rsa(&claims_with("aud", "lapwing")), NOW).is_ok());
    for (claims, expected) in [
        (claims_with("aud", "other"), "claim aud"),
        (claims_with("aud", json!([])), "claim aud"),
        (claims_with("aud", "lapwing-2"), "claim aud"),
        (claims_with("aud", 1), "aud and sub"),
        (claims_without("aud"), "aud and sub"),
        (claims_with("iss", "https://id.example/"), "claim iss"),
        (claims_without("iss"), "iss, aud"),
        (claims_without("sub"), "sub is missing"),
        (claims_with("sub", ""), "claim sub"),
        (claims_with("sub", "a\nb"), "claim sub"),
        (claims_with("sub", "a".repeat(256)), "claim sub"),
    ] {
        let found = reason(&verifier, &Provider::by_rsa(&claims));
        assert!(found.contains(expected), "{claims}: {found}");
    }
}

#[test]
fn the_algorithm_is_the_keys() {
    let provider = Provider::new();
    let verifier = provider.verifier();
    let claims = Provider::claims();
    let other = Provider::new();
    // A shared secret that everybody knows: the public key, in the forms that it is published in.
    let secrets = [
        ("rsa", Provider::rsa_modulus()),
        ("rsa", Provider::rsa_jwk()["n"].as_str().unwrap().as_bytes().to_vec()),
        ("ed", provider.ed25519_point()),
        ("ed", provider.ed25519_jwk()["x"].as_str().unwrap().as_bytes().to_vec()),
    ];
    for (kid, secret) in secrets {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let jwt = signed(algorithm, kid, &claims, &EncodingKey::from_secret(&secret));
            assert_eq!(reason(&verifier, &jwt), "the header's alg is not that of the key");
        }
    }
    for alg in ["none", "None", "", "XX"] {
        for signature in ["", "AAAA"] {
            let jwt = forged(&json!({ "alg": alg, "kid": "rsa" }), &claims, signature);
            assert_eq!(verifier.verify(&jwt, NOW), Err(Denied::Unknown), "{alg}");
        }
    }
    let good = Provider::by_rsa(&claims);
    let signature = good.rsplit('.').next().unwrap();
    for (alg, kid, expected) in [
        ("RS512", "rsa", "alg is not that"),
        ("PS256", "rsa", "alg is not that"),
        ("EdDSA", "rsa", "alg is not that"),
        ("RS256", "ed", "alg is not that"),
        ("RS256", "nobody", "no key of the JWK set has the kid \"nobody\""),
    ] {
        let found = reason(&verifier, &forged(&json!({ "alg": alg, "kid": kid }), &claims, signature));
        assert!(found.contains(expected), "{found}");
    }
    assert!(reason(&verifier, &other.by_ed25519(&claims)).contains("signature"));
}

#[test]
fn what_is_signed_cannot_be_changed() {
    let provider = Provider::new();
    let verifier = provider.verifier();
    for jwt in [Provider::by_rsa(&Provider::claims()), provider.by_ed25519(&Provider::claims())] {
        let parts: Vec<&str> = jwt.split('.').collect();
        let admin = URL_SAFE_NO_PAD.encode(claims_with("role", "admin").to_string());
        let found = reason(&verifier, &format!("{}.{admin}.{}", parts[0], parts[2]));
        assert!(found.contains("signature"), "{found}");
        // Nobody learns from an unsigned claim that a JWT has expired.
        let expired = URL_SAFE_NO_PAD.encode(claims_with("exp", 1).to_string());
        assert!(reason(&verifier, &format!("{}.{expired}.{}", parts[0], parts[2])).contains("signature"));
    }
}

#[test]
fn headers_that_ask_for_more_are_refused() {
    let provider = Provider::new();
    let claims = Provider::claims();
    let crit =
        forged(&json!({ "alg": "RS256", "kid": "rsa", "crit": ["b64"], "b64": false }), &claims, "AAAA");
    assert!(reason(&provider.verifier(), &crit).contains("crit"));
    let nameless = forged(&json!({ "alg": "RS256" }), &claims, "AAAA");
    assert!(reason(&provider.verifier(), &nameless).contains("no kid"));
    let long = format!("{}.{}", Provider::by_rsa(&claims), "A".repeat(1 << 14));
    assert_eq!(provider.verifier().verify(&long, NOW), Err(Denied::Unknown));
}

#[test]
fn the_strongest_known_role_counts() {
    let provider = Provider::new();
    let settings = provider.settings(&[provider.ed25519_jwk()]);
    let role = |claim: &str, claims: &Value| {
        let settings = JwtSettings { role_claim: claim.to_owned(), ..settings.clone() };
        let verifier = JwtVerifier::load(&settings).unwrap();
        match verifier.verify(&provider.by_ed25519(claims), NOW) {
            Ok(bearer) => Some(bearer.role),
            Err(Denied::NotForUs(reason)) => {
                assert!(reason.contains("role"), "{reason}");
                None
            }
            Err(other) => panic!("{other}"),
        }
    };
    let table = [
        (json!("viewer"), Some(Role::Viewer)),
        (json!(["viewer", "admin", "ingest"]), Some(Role::Admin)),
        (json!(["offline_access", 7, null, "ingest"]), Some(Role::Ingest)),
        (json!([]), None),
        (json!("Admin"), None),
        (json!(["root"]), None),
        (json!({ "admin": true }), None),
        (json!(true), None),
        (Value::Null, None),
    ];
    for (value, expected) in table {
        assert_eq!(role("role", &claims_with("role", value.clone())), expected, "{value}");
        let nested = claims_with("realm_access", json!({ "lapwing": value }));
        assert_eq!(role("realm_access.lapwing", &nested), expected, "{nested}");
        let address = claims_with("https://lapwing.example/role", value);
        assert_eq!(role("https://lapwing.example/role", &address), expected, "{address}");
    }
    assert_eq!(role("role", &claims_without("role")), None);
    assert_eq!(role("role.deeper", &Provider::claims()), None);
}

#[test]
fn people_are_called_by_their_name_if_they_have_one() {
    let provider = Provider::new();
    let name = |claims: &Value| provider.verifier().verify(&provider.by_ed25519(claims), NOW).unwrap().name;
    assert_eq!(name(&claims_without("name")), "u-17");
    assert_eq!(name(&claims_with("name", "a\u{1b}[2J")), "u-17");
    let mut claims = claims_with("preferred_username", "ada");
    assert_eq!(name(&claims), "Ada");
    claims["name"] = "".into();
    assert_eq!(name(&claims), "ada");
}
