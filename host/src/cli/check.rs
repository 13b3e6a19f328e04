//! `lapwing check`: is this configuration usable, all of it?

use anyhow::{Context, Result};
use clap::Args;

use super::{Exit, Setup};

/// The arguments of `lapwing check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    setup: Setup,
}

impl Check {
    pub(super) fn run(&self) -> Result<Exit> {
        let config = self.setup.config()?;
        crate::access::TrustedKeys::new(config.components.signatures, &config.components.trusted_keys)?;
        config.access.jwt.as_ref().map(crate::access::JwtVerifier::load).transpose()?;
        config.server.tls.as_ref().map_or(Ok(()), crate::api::check_tls)?;
        let mut setup = self.setup.clone();
        if let Some(folder) = &config.components.folder {
            let entries = std::fs::read_dir(folder)
                .with_context(|| format!("components.folder: {} cannot be read", folder.display()))?;
            let files = entries.filter_map(Result::ok).map(|entry| entry.path());
            setup.plugin.extend(files.filter(|file| file.extension().is_some_and(|ending| ending == "wasm")));
        }
        let (catalog, refused) = setup.catalog(config)?;
        let (plugins, rules, scorers) = (catalog.plugins.len(), catalog.rules.len(), catalog.scorers.len());
        println!(
            "{plugins} plugins, {rules} rules in force, {} disabled, {scorers} scorers",
            catalog.disabled_rules.len()
        );
        for rule in &catalog.rules {
            println!("  rule {}, judged by {}: {}", rule.rule_id, rule.plugin.name, rule.description);
        }
        for scorer in &catalog.scorers {
            println!("  scorer {}, weight {}, by {}", scorer.scorer_id, scorer.weight, scorer.plugin.name);
        }
        if refused.is_empty() {
            println!("the configuration is valid");
            Ok(Exit::Done)
        } else {
            println!("{} refused, see above", refused.len());
            Ok(Exit::Failed)
        }
    }
}
