use std::sync::Arc;

use proptest::prelude::*;

use super::provider::{NOW, Provider};
use crate::access::{Denied, Gatekeeper, Principal, PrincipalKind, Role, Tokens};

#[test]
fn a_bearer_passes_with_a_token_or_a_jwt() {
    let provider = Provider::new();
    let tokens = Arc::new(Tokens::default());
    let (token, _) = tokens.create("ci", Role::Ingest, None, &Principal::local("test"), NOW).unwrap();
    let gate = Gatekeeper::new(tokens.clone(), Some(provider.verifier()));
    let jwt = provider.by_ed25519(&Provider::claims());
    for scheme in ["Bearer", "bearer", "BEARER", " Bearer  "] {
        let kind =
            |text: &str| gate.authenticate(Some(&format!("{scheme} {text}")), NOW).map(|bearer| bearer.kind);
        assert_eq!(kind(token.as_str()), Ok(PrincipalKind::Token), "{scheme}");
        assert_eq!(kind(&jwt), Ok(PrincipalKind::Jwt), "{scheme}");
    }
    let no_jwt = Gatekeeper::new(tokens, None);
    assert_eq!(no_jwt.authenticate(Some(&format!("Bearer {jwt}")), NOW), Err(Denied::Unknown));
}

#[test]
fn without_a_bearer_nobody_passes() {
    let gate = Gatekeeper::new(Arc::default(), None);
    assert_eq!(gate.authenticate(None, NOW), Err(Denied::Missing));
    for header in ["", "Bearer", "Bearer ", "Basic dTpw", "lw_x", "Token lw_x"] {
        assert_eq!(gate.authenticate(Some(header), NOW), Err(Denied::Missing), "{header:?}");
    }
    assert_eq!(gate.authenticate(Some("Bearer x"), NOW), Err(Denied::Unknown));
    assert_eq!(gate.authenticate(Some("Bearer lw_x"), NOW), Err(Denied::Unknown));
}

/// A good JWT with a byte replaced here and there, or anything at all.
fn header() -> impl Strategy<Value = String> {
    let replaced = |good: String| {
        prop::collection::vec((any::<prop::sample::Index>(), any::<char>()), 1..4).prop_map(move |changes| {
            let mut text: Vec<char> = good.chars().collect();
            for (place, char) in changes {
                let place = place.index(text.len());
                text[place] = char;
            }
            text.into_iter().collect::<String>()
        })
    };
    let jwt = Provider::by_rsa(&Provider::claims());
    prop_oneof![
        any::<String>(),
        any::<String>().prop_map(|text| format!("Bearer {text}")),
        any::<String>().prop_map(|text| format!("bearer lw_{text}")),
        any::<(String, String, String)>().prop_map(|(a, b, c)| format!("Bearer {a}.{b}.{c}")),
        replaced(format!("Bearer {jwt}")),
    ]
}

#[test]
fn no_header_upsets_the_gate_or_is_quoted() {
    let provider = Provider::new();
    let gate = Gatekeeper::new(Arc::default(), Some(provider.verifier()));
    let good = format!("Bearer {}", Provider::by_rsa(&Provider::claims()));
    let config = ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(header in header())| {
        match gate.authenticate(Some(&header), NOW) {
            // A character may have been replaced by itself, or the scheme's case changed.
            Ok(_) => prop_assert!(header.get(6..) == good.get(6..)),
            Err(denied) => {
                let text = format!("{denied} {denied:?}");
                let quoted = header.split(['.', ' ']).any(|part| part.len() >= 20 && text.contains(part));
                prop_assert!(!quoted, "{}", text);
            }
        }
    });
}
