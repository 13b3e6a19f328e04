use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use crate::access::{
    AccessConfigError, SignatureError, SignaturePolicy, TrustedKey, TrustedKeys, generate_key, sign,
};

const COMPONENT: &[u8] = b"\0asm component";

fn key(id: &str) -> (Vec<u8>, TrustedKey) {
    let (pkcs8, public_key) = generate_key().unwrap();
    (pkcs8, TrustedKey { id: id.to_owned(), public_key })
}

fn trusting(policy: SignaturePolicy, key: &TrustedKey) -> TrustedKeys {
    TrustedKeys::new(policy, std::slice::from_ref(key)).unwrap()
}

#[test]
fn a_good_signature_tells_who_signed_under_every_policy() {
    let (pkcs8, key) = key("release");
    let header = sign(COMPONENT, &pkcs8, "release").unwrap();
    assert!(header.starts_with("ed25519 release "), "{header}");
    for policy in [SignaturePolicy::Required, SignaturePolicy::Warn, SignaturePolicy::Off] {
        let keys = trusting(policy, &key);
        assert_eq!(keys.policy(), policy);
        assert_eq!(keys.check(COMPONENT, Some(&header)), Ok(Some("release".into())));
    }
}

#[test]
fn without_a_signature_the_policy_decides() {
    let (_, key) = key("release");
    let check = |policy| trusting(policy, &key).check(COMPONENT, None);
    assert_eq!(check(SignaturePolicy::Required), Err(SignatureError::Required));
    assert_eq!(check(SignaturePolicy::Warn), Ok(None));
    assert_eq!(check(SignaturePolicy::Off), Ok(None));
    assert_eq!(TrustedKeys::default().check(COMPONENT, None), Ok(None));
}

#[test]
fn a_signature_that_does_not_hold_is_refused_unless_it_is_only_warned_of() {
    let (pkcs8, key) = key("release");
    let (other, _) = self::key("release");
    let good = sign(COMPONENT, &pkcs8, "release").unwrap();
    let table = [
        (sign(COMPONENT, &other, "release").unwrap(), "not made by the key \"release\""),
        (sign(b"other", &pkcs8, "release").unwrap(), "not made by the key \"release\""),
        (sign(COMPONENT, &pkcs8, "nobody").unwrap(), "the key \"nobody\" is not among the trusted"),
        (good.replace("ed25519", "rsa"), "expected `ed25519`"),
        (good.replace("ed25519 ", ""), "expected `ed25519 <key id>"),
        (format!("{good} more"), "expected `ed25519 <key id>"),
        ("ed25519 release !!".to_owned(), "not base64"),
        ("ed25519 release AAAA".to_owned(), "not made by"),
        (String::new(), "expected `ed25519 <key id>"),
    ];
    for (header, expected) in table {
        for policy in [SignaturePolicy::Required, SignaturePolicy::Off] {
            match trusting(policy, &key).check(COMPONENT, Some(&header)) {
                Err(SignatureError::Invalid(detail)) => {
                    assert!(detail.contains(expected), "{header}: {detail}");
                }
                other => panic!("{header}: {other:?}"),
            }
        }
        assert_eq!(trusting(SignaturePolicy::Warn, &key).check(COMPONENT, Some(&header)), Ok(None));
    }
}

#[test]
fn keys_are_checked_when_they_are_read() {
    let (_, good) = key("release");
    let refused = |keys: &[TrustedKey]| match TrustedKeys::new(SignaturePolicy::Required, keys) {
        Err(AccessConfigError::TrustedKey { detail, .. }) => detail,
        other => panic!("{other:?}"),
    };
    assert!(refused(&[good.clone(), good.clone()]).contains("twice"));
    for id in ["", "a b", "ä", &"a".repeat(65)] {
        assert!(
            refused(&[TrustedKey { id: id.to_owned(), ..good.clone() }]).contains("visible ASCII"),
            "{id}"
        );
    }
    for public_key in ["", "??", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33])] {
        let refused = refused(&[TrustedKey { public_key: public_key.to_owned(), ..good.clone() }]);
        assert!(refused.contains("32 bytes"), "{refused}");
    }
}

#[test]
fn keys_of_other_tools_sign_too() {
    // PKCS#8 without the public half, as openssl writes it.
    let mut pkcs8 = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    pkcs8.extend([7; 32]);
    assert!(sign(COMPONENT, &pkcs8, "other").is_ok());
    assert!(matches!(sign(COMPONENT, b"no key", "other"), Err(SignatureError::Key(_))));
    assert!(matches!(sign(COMPONENT, &pkcs8, "a b"), Err(SignatureError::Key(_))));
}

#[test]
fn policies_are_written_in_lower_case() {
    assert_eq!(serde_json::to_value(SignaturePolicy::Required).unwrap(), "required");
    assert_eq!(serde_json::from_str::<SignaturePolicy>("\"off\"").unwrap(), SignaturePolicy::default());
    assert!(serde_json::from_str::<TrustedKey>(r#"{"id":"a","public_key":"b","x":1}"#).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_header_passes_for_a_signature(header in any::<String>(), rest in any::<String>()) {
        let (_, key) = key("k");
        let keys = trusting(SignaturePolicy::Off, &key);
        prop_assert!(keys.check(COMPONENT, Some(&header)).is_err());
        let rest = format!("ed25519 k {rest}");
        prop_assert!(keys.check(COMPONENT, Some(&rest)).is_err());
    }
}
