//! The soak programs with what they need: the server, and components to swap and to suffer.

use std::path::PathBuf;

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
const SHORT: [&[&str]; 6] = [
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
    &["overload", "--systems", "1000", "--seconds", "5", "--crowd", "40"],
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
    profile: Profile,
    components: PathBuf,
}

impl Soak {
    fn prepare(profile: Profile) -> Result<Self> {
        let soak = Self { profile, components: root().join("target/soak") };
        soak.cargo(&["build", "--package", "lapwing", "--package", "lapwing-soak"]).run()?;
        std::fs::create_dir_all(&soak.components)?;
        for (package, file) in [
            ("lapwing-example-certificate-expiry", "swapped.wasm"),
            ("lapwing-hostile", "hostile.wasm"),
            ("lapwing-hostile-scorer", "hostile_scorer.wasm"),
        ] {
            let out = soak.components.join(file);
            let example = [
                "run",
                "--quiet",
                "--package",
                "lapwing-componentize",
                "--example",
                "component",
                "--",
                package,
            ];
            cargo(&example).arg(out).run()?;
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
        self.cargo(&["run", "--quiet", "--package", "lapwing-soak", "--"]).args(arguments).run()
    }

    fn cargo(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = cargo(&arguments[..1]);
        if self.profile == Profile::Release {
            command.arg("--release");
        }
        command.args(&arguments[1..]);
        command
    }
}
