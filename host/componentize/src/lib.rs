//! Builds plugin crates into components: `cargo build` for `wasm32-unknown-unknown`, then the component encoding.
//!
//! The core modules go to a target directory of their own, so that a build script may call this while the outer cargo
//! holds its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "guest";

/// Builds `packages` of the cargo workspace at `workspace` and returns the components in the same order.
///
/// `target_dir` keeps the intermediate files between builds.
///
/// # Errors
/// The target is not installed (the message says how to get it), a package does not compile, or a core module is not
/// made for the contract.
pub fn components(workspace: &Path, packages: &[&str], target_dir: &Path) -> Result<Vec<Vec<u8>>> {
    ensure!(target_installed(), "the target {TARGET} is not installed: run `rustup target add {TARGET}`");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace).args([
        "build",
        "--profile",
        PROFILE,
        "--target",
        TARGET,
        "--lib",
        "--target-dir",
    ]);
    cargo.arg(target_dir);
    for package in packages {
        cargo.args(["--package", package]);
    }
    // What the outer cargo set for its own build must not leak into this one.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let kept = ["CARGO", "CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_BUILD_JOBS"].contains(&text.as_ref());
        if (text.starts_with("CARGO") && !kept) || text.starts_with("RUSTC") || text.starts_with("RUSTFLAGS")
        {
            cargo.env_remove(&name);
        }
    }
    cargo.env("RUSTFLAGS", "-Ctarget-feature=+simd128");
    let output = cargo.output().context("cargo could not be started")?;
    if !output.status.success() {
        bail!(
            "building {} for {TARGET} failed:\n{}",
            packages.join(", "),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    packages.iter().map(|package| component(&module_path(target_dir, package))).collect()
}

fn module_path(target_dir: &Path, package: &str) -> PathBuf {
    target_dir.join(TARGET).join(PROFILE).join(format!("{}.wasm", package.replace('-', "_")))
}

/// Encodes the core module at `path` as a component.
fn component(path: &Path) -> Result<Vec<u8>> {
    let module = std::fs::read(path).with_context(|| format!("{}", path.display()))?;
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(wit_component::ComponentEncoder::encode)
        .with_context(|| format!("{} is not a core module made for the contract", path.display()))
}

/// Whether the standard library for the target is there. Asked of rustc, because not every toolchain is rustup's.
fn target_installed() -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    output.is_ok_and(|output| {
        output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}
