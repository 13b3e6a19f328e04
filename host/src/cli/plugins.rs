//! `lapwing plugins`: what there is, and what one component is.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Exit, Setup};
use crate::catalog::Catalog;
use crate::sandbox::contract::{Input, Parameter};
use crate::sandbox::{Kind, Plugin};

/// The arguments of `lapwing plugins`.
#[derive(Debug, Args)]
pub(super) struct Plugins {
    #[command(flatten)]
    setup: Setup,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List them (the default)
    List,
    /// Say everything about one: kind, contract, imports, digest, inputs, parameters
    Inspect {
        /// Its name, as listed
        name: String,
    },
}

impl Plugins {
    pub(super) fn run(&self) -> Result<Exit> {
        let config = self.setup.config()?;
        let (catalog, refused) = self.setup.catalog(config)?;
        match &self.what {
            Some(What::Inspect { name }) => self.inspect(&catalog, name)?,
            None | Some(What::List) => self.list(&catalog)?,
        }
        Ok(if refused.is_empty() { Exit::Done } else { Exit::Incomplete })
    }

    fn list(&self, catalog: &Catalog) -> Result<()> {
        if self.json {
            let plugins: Vec<Value> = catalog.plugins.values().map(facts).collect();
            println!("{}", serde_json::to_string_pretty(&plugins)?);
            return Ok(());
        }
        println!("{:<26} {:<7} {:<9} {:>10}  digest", "name", "kind", "contract", "bytes");
        for plugin in catalog.plugins.values() {
            let Plugin { name, kind, contract, size, digest, .. } = plugin;
            println!("{name:<26} {:<7} {contract:<9} {size:>10}  {}", kind.to_string(), &digest[..12]);
        }
        Ok(())
    }

    fn inspect(&self, catalog: &Catalog, name: &str) -> Result<()> {
        let Some(plugin) = catalog.plugins.get(name) else {
            let known: Vec<&str> = catalog.plugins.keys().map(String::as_str).collect();
            anyhow::bail!("there is no plugin {name}; there are {}", known.join(", "));
        };
        let mut facts = facts(plugin);
        if let Some(description) = described(plugin) {
            facts["descriptor"] = description;
        }
        if self.json {
            println!("{}", serde_json::to_string_pretty(&facts)?);
            return Ok(());
        }
        print_facts(&facts, 0);
        Ok(())
    }
}

fn facts(plugin: &Plugin) -> Value {
    json!({
        "name": &*plugin.name,
        "kind": plugin.kind,
        "contract": plugin.contract,
        "bytes": plugin.size,
        "digest": format!("sha256:{}", plugin.digest),
        "imports": plugin.imports,
    })
}

/// What the plugin says of itself without settings; some only speak when configured.
fn described(plugin: &Plugin) -> Option<Value> {
    match plugin.kind {
        Kind::Rule => match plugin.rule("{}") {
            Ok((_, rule)) => Some(json!({
                "name": rule.name,
                "description": rule.description,
                "window_s": rule.window_s,
                "min_occurrences": rule.min_occurrences,
                "actions": rule.actions,
                "inputs": rule.inputs.iter().map(input).collect::<Vec<_>>(),
                "parameters": rule.parameters.iter().map(parameter).collect::<Vec<_>>(),
            })),
            Err(error) => Some(json!({ "needs settings": error.to_string() })),
        },
        Kind::Scorer => match plugin.scorer("{}") {
            Ok((_, scorer)) => Some(json!({
                "name": scorer.name,
                "description": scorer.description,
                "inputs": scorer.inputs.iter().map(input).collect::<Vec<_>>(),
            })),
            Err(error) => Some(json!({ "needs settings": error.to_string() })),
        },
        Kind::Action => None,
    }
}

fn input(input: &Input) -> String {
    let (metric, window) = crate::detections::words(input);
    match window {
        Some(window) => format!("{metric}, {window}"),
        None => metric,
    }
}

fn parameter(parameter: &Parameter) -> String {
    let Parameter { name, description, default, min, max } = parameter;
    format!("{name} = {default} ({min} to {max}): {description}")
}

fn print_facts(value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        match value {
            Value::Object(_) => {
                println!("{indent}{name}:");
                print_facts(value, depth + 1);
            }
            Value::Array(items) => {
                println!("{indent}{name}:{}", if items.is_empty() { " none" } else { "" });
                for item in items {
                    println!("{indent}  - {}", item.as_str().unwrap_or_default());
                }
            }
            Value::String(text) => println!("{indent}{name}: {text}"),
            other => println!("{indent}{name}: {other}"),
        }
    }
}
