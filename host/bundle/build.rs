//! Builds every crate under plugins/ into a component and writes the table that the crate includes.
#![allow(clippy::expect_used, reason = "a build script reports by failing")]

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let workspace = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("set by cargo")).join("../..");
    let out = PathBuf::from(env::var("OUT_DIR").expect("set by cargo"));
    for watched in ["plugins", "sdk/rust/src", "sdk/rust/Cargo.toml", "wit", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", workspace.join(watched).display());
    }

    let names = plugin_names(&workspace.join("plugins"));
    let packages: Vec<String> = names.iter().map(|name| format!("lapwing-{name}")).collect();
    let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
    let components = lapwing_componentize::components(&workspace, &packages, &out.join("guests"))
        .unwrap_or_else(|error| fail(&format!("{error:#}")));

    let mut table = String::from("&[\n");
    for (name, component) in names.iter().zip(components) {
        let file = out.join(format!("{name}.wasm"));
        fs::write(&file, component).expect("OUT_DIR is writable");
        let plugin = name.replace('-', "_");
        table.push_str(&format!("    ({plugin:?}, include_bytes!({file:?})),\n"));
    }
    table.push_str("]\n");
    fs::write(out.join("components.rs"), table).expect("OUT_DIR is writable");
}

/// The folders of `plugins/`, sorted.
fn plugin_names(plugins: &Path) -> Vec<String> {
    let entries = fs::read_dir(plugins).expect("plugins/ is there");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("plugins/ is readable"))
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().into_string().expect("plugin names are ASCII"))
        .collect();
    names.sort();
    names
}

fn fail(message: &str) -> ! {
    for line in message.lines() {
        println!("cargo::error={line}");
    }
    std::process::exit(1)
}
