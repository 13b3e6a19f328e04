//! The header that says who asks: nobody is let in by chance.
#![no_main]

use std::sync::{Arc, LazyLock};

use lapwing::access::{Gatekeeper, SignaturePolicy, Tokens, TrustedKeys};
use lapwing::time::Millis;
use libfuzzer_sys::fuzz_target;

static GATEKEEPER: LazyLock<Gatekeeper> = LazyLock::new(|| Gatekeeper::new(Arc::new(Tokens::default()), None));
static KEYS: LazyLock<TrustedKeys> = LazyLock::new(|| TrustedKeys::new(SignaturePolicy::Required, &[]).unwrap());

fuzz_target!(|header: &str| {
    assert!(GATEKEEPER.authenticate(Some(header), Millis(0)).is_err());
    assert!(KEYS.check(b"component", Some(header)).is_err());
});
