//! `lapwing init`: a configuration to begin with.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use super::Exit;

/// What a new configuration says: nothing but the defaults, with what one might want to change.
const TEMPLATE: &str = include_str!("init.toml");

/// The arguments of `lapwing init`.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// Folder to write lapwing.toml and plugins.d/ into
    #[arg(default_value = ".")]
    directory: PathBuf,
}

impl Init {
    pub(super) fn run(&self) -> Result<Exit> {
        let plugins = self.directory.join("plugins.d");
        std::fs::create_dir_all(&plugins).with_context(|| format!("{} cannot be made", plugins.display()))?;
        let file = self.directory.join("lapwing.toml");
        let made = std::fs::OpenOptions::new().write(true).create_new(true).open(&file);
        made.and_then(|mut made| made.write_all(TEMPLATE.as_bytes()))
            .with_context(|| format!("{} cannot be written", file.display()))?;
        println!("{} is written. Next:", file.display());
        println!("  lapwing check --config {}", file.display());
        println!("  lapwing serve --config {}", file.display());
        Ok(Exit::Done)
    }
}
