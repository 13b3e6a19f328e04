//! `lapwing check`: is this configuration usable, all of it?

use anyhow::Result;
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
        let (catalog, refused) = self.setup.catalog(config)?;
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
