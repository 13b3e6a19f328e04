//! From the command line to a catalog.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::Setup;
use crate::catalog::config::Config;
use crate::catalog::{Catalog, Refused, Sources};
use crate::sandbox::Sandbox;

impl Setup {
    /// The configuration: the file's, or the defaults.
    pub(super) fn config(&self) -> Result<Config> {
        Ok(match &self.config {
            Some(file) => Config::read(file)?,
            None => Config::from_environment()?,
        })
    }

    /// A sandbox that keeps compiled code in this directory.
    pub(super) fn sandbox_with(&self, cache: &std::path::Path) -> Result<Sandbox> {
        let absolute = std::path::absolute(cache)?;
        let sandbox = Sandbox::new(Some(&absolute)).map_err(|error| anyhow::anyhow!("{error:#}"));
        sandbox.with_context(|| format!("the sandbox cannot be set up with its cache in {}", cache.display()))
    }

    /// A sandbox that keeps compiled code where the operator wants it.
    pub(super) fn sandbox(&self) -> Result<Sandbox> {
        let cache = self.cache_dir.clone().or_else(user_cache);
        let sandbox = Sandbox::new(cache.as_deref());
        sandbox.map_err(|error| anyhow::anyhow!("{error:#}")).with_context(|| match cache {
            Some(directory) => {
                format!("the sandbox cannot be set up with its cache in {}", directory.display())
            }
            None => "the sandbox cannot be set up".to_owned(),
        })
    }

    /// Everything in force. What was refused has been told on standard error.
    pub(super) fn catalog(&self, config: Config) -> Result<(Catalog, Vec<Refused>)> {
        let sources = Sources { config, added: self.plugin.clone() };
        let (catalog, refused) = Catalog::assemble(&self.sandbox()?, sources);
        for refusal in &refused {
            eprintln!("lapwing: refused: {refusal}");
        }
        Ok((catalog, refused))
    }
}

/// `lapwing/compiled` in the user's cache directory (XDG Base Directory Specification), if there is one.
fn user_cache() -> Option<PathBuf> {
    let from_env = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = from_env("XDG_CACHE_HOME").or_else(|| Some(from_env("HOME")?.join(".cache")))?;
    base.is_absolute().then(|| base.join("lapwing/compiled"))
}
