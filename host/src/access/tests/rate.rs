use std::time::{Duration, Instant};

use crate::access::{KEYS_MAX, Principal, PrincipalKind, RateLimits, Role};

fn principal(kind: PrincipalKind, id: usize) -> Principal {
    Principal { kind, id: id.to_string(), name: "one".into(), role: Role::Ingest, systems: Vec::new() }
}

#[test]
fn each_principal_has_a_burst_of_a_second() {
    let limits = RateLimits::new(4);
    let one = principal(PrincipalKind::Token, 1);
    let start = Instant::now();
    let passed = (0..).take_while(|_| limits.check(&one).is_ok()).count();
    // A machine that is slow meanwhile lets a few more through.
    let refilled = (start.elapsed().as_secs_f64() * 4.0).ceil() as usize;
    assert!((4..=4 + refilled).contains(&passed), "{passed} passed");
    assert_eq!(limits.check(&principal(PrincipalKind::Token, 2)), Ok(()));
    assert_eq!(limits.check(&principal(PrincipalKind::Jwt, 1)), Ok(()), "ids are unique within a kind only");
}

#[test]
fn who_waits_as_long_as_told_passes() {
    let limits = RateLimits::new(4);
    let one = principal(PrincipalKind::Token, 1);
    let wait = (0..).find_map(|_| limits.check(&one).err()).unwrap();
    assert!(wait <= Duration::from_millis(250), "{wait:?}");
    std::thread::sleep(wait);
    assert_eq!(limits.check(&one), Ok(()));
}

#[test]
fn zero_is_no_limit() {
    let limits = RateLimits::new(0);
    let one = principal(PrincipalKind::Token, 1);
    assert!((0..10_000).all(|_| limits.check(&one).is_ok()));
    assert_eq!(limits.keys(), 0);
}

#[test]
fn those_who_rest_are_forgotten() {
    // At this rate the burst is whole again a few microseconds after a request.
    let limits = RateLimits::new(1_000_000);
    for id in 0..5 * KEYS_MAX {
        limits.check(&principal(PrincipalKind::Jwt, id)).unwrap();
        assert!(limits.keys() <= KEYS_MAX + 1024);
    }
}
