//! The fuzz targets, each for a while, from the committed corpus and a real component.

use anyhow::Result;

use super::{Run, WASM_TARGET, cargo, root};

const CARGO_FUZZ: &str = "0.13.2";
const TARGETS: [&str; 5] = ["body", "record", "configuration", "authorization", "component"];

/// Runs every target for so many seconds.
pub(super) fn run(seconds: u32) -> Result<()> {
    let mut rustup = std::process::Command::new("rustup");
    rustup.args(["target", "add", WASM_TARGET, "--toolchain", "nightly"]).run()?;
    if cargo(&["fuzz", "--version"]).output().is_ok_and(|output| !output.status.success()) {
        cargo(&["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ]).run()?;
    }
    let seeds = root().join("target/fuzz-seeds");
    std::fs::create_dir_all(&seeds)?;
    let example = ["run", "--quiet", "--package", "lapwing-componentize", "--example", "component", "--"];
    cargo(&example).arg("lapwing-example-certificate-expiry").arg(seeds.join("rule")).run()?;
    for target in TARGETS {
        let found = root().join("target/fuzz-corpus").join(target);
        std::fs::create_dir_all(&found)?;
        let mut fuzz = std::process::Command::new("cargo");
        fuzz.current_dir(root().join("tests")).args([
            "+nightly",
            "fuzz",
            "run",
            "--fuzz-dir",
            "fuzz",
            target,
        ]);
        // What is found goes into the first folder; the others are only read.
        fuzz.arg(found);
        let committed = root().join("tests/fuzz/corpus").join(target);
        if committed.is_dir() {
            fuzz.arg(committed);
        }
        if target == "component" {
            fuzz.arg(&seeds);
        }
        fuzz.args(["--", &format!("-max_total_time={seconds}"), "-rss_limit_mb=4096", "-timeout=30"])
            .run()?;
    }
    Ok(())
}
