use super::provider::NOW;
use crate::access::{
    Denied, LIFETIME_S_MAX, NAME_CHARS_MAX, Principal, PrincipalKind, Role, TOKENS_MAX, Token, TokenError,
    TokenRecord, Tokens,
};
use crate::time::Millis;

fn local() -> Principal {
    Principal::local("test")
}

fn create(tokens: &Tokens, expires_in_s: Option<u64>) -> (Token, TokenRecord) {
    tokens.create("ci", Role::Ingest, expires_in_s, &local(), NOW).unwrap()
}

#[test]
fn a_token_is_random_and_shows_its_secret_to_nobody_unasked() {
    let (one, other) = (Token::generate().unwrap(), Token::generate().unwrap());
    assert_ne!(one.as_str(), other.as_str());
    assert!(one.as_str().starts_with("lw_") && one.as_str().len() == 46, "{}", one.as_str());
    assert_eq!(format!("{one:?}"), "Token(lw_…)");
    let tokens = Tokens::default();
    let (token, record) = create(&tokens, None);
    let kept = format!("{tokens:?} {record:?} {}", serde_json::to_string(&record).unwrap());
    assert!(!kept.contains(&token.as_str()[3..]));
}

#[test]
fn its_bearer_is_known() {
    let tokens = Tokens::default();
    let (token, record) = create(&tokens, None);
    let bearer = Principal {
        kind: PrincipalKind::Token,
        id: record.id.clone(),
        name: "ci".into(),
        role: Role::Ingest,
        systems: Vec::new(),
    };
    assert!(tokens.last_used().is_empty());
    assert_eq!(tokens.verify(token.as_str(), NOW), Ok(bearer));
    assert_eq!(tokens.last_used()[&record.id], NOW);
    assert_eq!((record.created_at, record.created_by), (NOW, local()));
}

#[test]
fn what_is_no_token_is_unknown() {
    let tokens = Tokens::default();
    let (token, record) = create(&tokens, None);
    let other = Token::generate().unwrap();
    let text = token.as_str();
    for text in [
        "",
        "lw_",
        "lw_é",
        other.as_str(),
        &text[..45],
        &format!("{text}x"),
        &text.to_uppercase(),
        &record.hash,
    ] {
        assert_eq!(tokens.verify(text, NOW), Err(Denied::Unknown), "{text}");
    }
}

#[test]
fn it_is_good_until_it_expires() {
    let tokens = Tokens::default();
    let (token, record) = create(&tokens, Some(60));
    assert_eq!(record.expires_at, Some(Millis(NOW.0 + 60_000)));
    assert!(tokens.verify(token.as_str(), Millis(NOW.0 + 59_999)).is_ok());
    assert_eq!(tokens.verify(token.as_str(), Millis(NOW.0 + 60_000)), Err(Denied::Expired));
}

#[test]
fn once_revoked_it_stays_so() {
    let tokens = Tokens::default();
    let (token, record) = create(&tokens, Some(60));
    let revoked = tokens.revoke(&record.id, NOW).unwrap();
    assert_eq!(revoked, TokenRecord { revoked_at: Some(NOW), ..record.clone() });
    assert_eq!(tokens.verify(token.as_str(), NOW), Err(Denied::Revoked));
    assert_eq!(tokens.verify(token.as_str(), NOW.plus_seconds(99.0)), Err(Denied::Revoked));
    assert_eq!(tokens.revoke(&record.id, NOW.plus_seconds(9.0)).unwrap(), revoked);
    assert_eq!(tokens.revoke("no", NOW), Err(TokenError::UnknownId("no".into())));
}

#[test]
fn records_outlive_the_process() {
    let tokens = Tokens::default();
    let (good, _) = create(&tokens, Some(60));
    let (bad, record) = create(&tokens, None);
    tokens.revoke(&record.id, NOW).unwrap();
    let text = serde_json::to_string(&tokens.list()).unwrap();
    let again = Tokens::new(serde_json::from_str(&text).unwrap());
    assert_eq!(again.list(), tokens.list());
    assert!(again.verify(good.as_str(), NOW).is_ok());
    assert_eq!(again.verify(bad.as_str(), NOW), Err(Denied::Revoked));
}

#[test]
fn names_and_lifetimes_have_bounds() {
    let tokens = Tokens::default();
    let name =
        |name: &str| tokens.create(name, Role::Admin, None, &local(), NOW).map(|(_, record)| record.name);
    assert_eq!(name("  ci  "), Ok("ci".into()));
    assert_eq!(name(&"ä".repeat(NAME_CHARS_MAX)), Ok("ä".repeat(NAME_CHARS_MAX)));
    for bad in ["", "  ", "a\nb", &"a".repeat(NAME_CHARS_MAX + 1)] {
        assert_eq!(name(bad), Err(TokenError::Name), "{bad:?}");
    }
    for bad in [0, LIFETIME_S_MAX + 1, u64::MAX] {
        let refused = tokens.create("ci", Role::Admin, Some(bad), &local(), NOW).unwrap_err();
        assert_eq!(refused, TokenError::Lifetime(bad));
    }
    assert!(tokens.create("ci", Role::Admin, Some(LIFETIME_S_MAX), &local(), NOW).is_ok());
    assert_eq!(tokens.list().len(), 3);
}

#[test]
fn their_number_has_a_bound_and_the_ended_make_room() {
    let (_, record) = create(&Tokens::default(), Some(60));
    let records = (0..TOKENS_MAX).map(|at| TokenRecord {
        id: format!("{at:016x}"),
        hash: format!("{at:064x}"),
        expires_at: (at < 2).then_some(NOW),
        revoked_at: (at == 2).then_some(NOW),
        ..record.clone()
    });
    let tokens = Tokens::new(records.collect());
    let create = || tokens.create("ci", Role::Admin, None, &local(), NOW).map(|_| ());
    assert_eq!(create(), Err(TokenError::TooMany));
    assert_eq!(tokens.forget_ended(NOW), []);
    assert_eq!(tokens.forget_ended(NOW.plus_seconds(1.0)).len(), 3);
    assert_eq!(create(), Ok(()));
}
