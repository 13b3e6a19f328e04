//! A configuration file: valid, or refused in words.
#![no_main]

use lapwing::catalog::config::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(config) = toml::from_str::<Config>(text) {
        assert!(config.problems().iter().all(|problem| !problem.is_empty()));
    }
});
