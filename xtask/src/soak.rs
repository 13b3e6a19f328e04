//! The soak programs with what they need: the server, and components to swap and to suffer.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{Run, cargo, root};

/// What the server is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    /// As the tests build it.
    Dev,
    /// As it runs.
    Release,
}

/// The short form of every program: a few seconds each.
const SHORT: [&[&str]; 8] = [
    &["load", "--systems", "2000", "--rate", "10000", "--seconds", "8"],
    &["latency", "--systems", "1000", "--rate", "3000", "--seconds", "5"],
    &[
        "swap",
        "--systems",
        "1000",
        "--rate",
        "5000",
        "--swaps",
        "20",
        "--every-ms",
        "100",
        "--quiet-seconds",
        "3",
    ],
    &["crash", "--systems", "1000", "--samples", "50", "--rounds", "5", "--life-max", "1"],
    &["hostile", "--systems", "1000", "--seconds", "5", "--onset-seconds", "5"],
    &[
        "telling",
        "--rate",
        "100",
        "--seconds",
        "3",
        "--zone",
        "200",
        "--zone-seconds",
        "4",
        "--owed",
        "200",
        "--outage-seconds",
        "4",
    ],
    &[
        "vanish",
        "--systems",
        "500",
        "--warm-seconds",
        "5",
        "--stops",
        "2",
        "--cut-seconds",
        "0",
        "--full-seconds",
        "2",
    ],
    &["overload", "--systems", "2000", "--seconds", "5", "--crowd", "24"],
];

/// Runs the short form of every program.
pub(super) fn short(profile: Profile) -> Result<()> {
    let soak = Soak::prepare(profile)?;
    SHORT.iter().try_for_each(|arguments| soak.run(arguments.iter().map(ToString::to_string).collect()))
}

/// Runs one program as asked.
pub(super) fn one(arguments: &[String]) -> Result<()> {
    Soak::prepare(Profile::Release)?.run(arguments.to_vec())
}

struct Soak {
    /// Where cargo has put what it built.
    built: PathBuf,
    components: PathBuf,
}

impl Soak {
    fn prepare(profile: Profile) -> Result<Self> {
        // The same choice of packages as the tests: another one would build the engine with other features, once more.
        let mut build = cargo(&["build", "--workspace", "--exclude", "xtask", "--bins", "--examples"]);
        let folder = match profile {
            Profile::Dev => "debug",
            Profile::Release => {
                build.arg("--release");
                "release"
            }
        };
        build.run()?;
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
        let soak = Self { built: target.join(folder), components: target.join("soak") };
        std::fs::create_dir_all(&soak.components)?;
        for (package, file) in [
            ("lapwing-example-certificate-expiry", "swapped.wasm"),
            ("lapwing-hostile", "hostile.wasm"),
            ("lapwing-hostile-scorer", "hostile_scorer.wasm"),
        ] {
            let mut component = Command::new(soak.built.join("examples/component"));
            component.current_dir(root()).arg(package).arg(soak.components.join(file)).run()?;
        }
        Ok(soak)
    }

    /// Runs a program; those that need components get them.
    fn run(&self, mut arguments: Vec<String>) -> Result<()> {
        let needed: &[(&str, &str)] = match arguments.first().map(String::as_str) {
            Some("swap") => &[("--component-a", "swapped.wasm")],
            Some("hostile") => &[("--component", "hostile.wasm"), ("--scorer", "hostile_scorer.wasm")],
            _ => &[],
        };
        for (option, file) in needed {
            if !arguments.iter().any(|argument| argument == option) {
                arguments.extend([(*option).to_owned(), self.components.join(file).display().to_string()]);
            }
        }
        eprintln!("soak: {}", arguments.join(" "));
        Command::new(self.built.join("lapwing-soak")).args(arguments).run()
    }
}
