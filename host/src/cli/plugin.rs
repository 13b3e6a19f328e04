//! `lapwing plugin`: versions of plugins on a running server.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Exit;
use super::client::{Body, Server, cell, print};
use crate::access;
use crate::catalog::plugin_name;

/// The arguments of `lapwing plugin`.
#[derive(Debug, Args)]
pub(super) struct PluginCommand {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Bring a component to the server: beside the live version if there is one, else in force
    Push {
        /// The component
        file: PathBuf,
        /// Its name [default: the file's]
        #[arg(long)]
        name: Option<String>,
        /// Where it goes
        #[arg(long)]
        stage: Option<Stage>,
        /// Allow it to import more than the live version does
        #[arg(long)]
        approve_imports: bool,
        /// Sign it with this key (PKCS#8, as `keygen` writes it)
        #[arg(long, value_name = "FILE", requires = "key_id")]
        sign: Option<PathBuf>,
        /// What the server calls that key
        #[arg(long, value_name = "ID")]
        key_id: Option<String>,
    },
    /// List plugins
    List,
    /// Say everything about one
    Inspect { name: String },
    /// Compare the shadow with the live version
    Diff { name: String },
    /// Run a version beside the live one; without a version, end that
    Shadow { name: String, version: Option<u32> },
    /// Make the shadow live, or the version named
    Promote { name: String, version: Option<u32> },
    /// Go back to what was live before, with its settings
    Rollback { name: String },
    /// Let it judge
    Enable { name: String },
    /// Keep it from judging
    Disable { name: String },
    /// Lift the quarantine of its rules
    Release { name: String },
    /// Delete it, or one version of it
    Delete { name: String, version: Option<u32> },
    /// Make a key for signing: the private half goes into FILE, the public half is shown
    Keygen { file: PathBuf },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Stage {
    Live,
    Shadow,
    None,
}

impl PluginCommand {
    pub(super) fn run(&self) -> Result<Exit> {
        let server = &self.server;
        let at = |name: &str, rest: &str| format!("/api/v1/plugins/{name}{rest}");
        let answer = match &self.what {
            What::Push { file, name, stage, approve_imports, sign, key_id } => {
                let component =
                    std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
                let name = name.clone().unwrap_or_else(|| plugin_name(file));
                let stage = stage
                    .map_or(String::new(), |stage| format!("&stage={}", format!("{stage:?}").to_lowercase()));
                let path = at(&name, &format!("?approve_imports={approve_imports}{stage}"));
                let signature = sign
                    .as_ref()
                    .map(|key| {
                        let key = std::fs::read(key)
                            .with_context(|| format!("{} cannot be read", key.display()))?;
                        anyhow::Ok(access::sign(&component, &key, key_id.as_deref().unwrap_or_default())?)
                    })
                    .transpose()?;
                server.ask("POST", &path, Body::Component(&component, signature))?
            }
            What::List => server.get("/api/v1/plugins")?,
            What::Inspect { name } => server.get(&at(name, ""))?,
            What::Diff { name } => server.get(&at(name, "/diff"))?,
            What::Shadow { name, version: Some(version) } => {
                server.post(&at(name, "/shadow"), &json!({ "version": version }))?
            }
            What::Shadow { name, version: None } => server.ask("DELETE", &at(name, "/shadow"), Body::None)?,
            What::Promote { name, version } => server.post(
                &at(name, "/promote"),
                &version.map_or(json!({}), |version| json!({ "version": version })),
            )?,
            What::Rollback { name } => server.ask("POST", &at(name, "/rollback"), Body::None)?,
            What::Enable { name } => server.ask("POST", &at(name, "/enable"), Body::None)?,
            What::Disable { name } => server.ask("POST", &at(name, "/disable"), Body::None)?,
            What::Release { name } => server.ask("POST", &at(name, "/release"), Body::None)?,
            What::Delete { name, version } => {
                let version = version.map_or(String::new(), |version| format!("/versions/{version}"));
                server.ask("DELETE", &at(name, &version), Body::None)?
            }
            What::Keygen { file } => return keygen(file),
        };
        if self.server.json {
            print(&answer)?;
        } else {
            self.show(&answer)?;
        }
        Ok(Exit::Done)
    }

    fn show(&self, answer: &Value) -> Result<()> {
        match &self.what {
            What::Push { .. } => println!(
                "{} version {} ({}) is {}, for {}; took {} ms",
                cell(&answer["name"]),
                cell(&answer["version"]),
                &cell(&answer["digest"]).chars().take(12).collect::<String>(),
                cell(&answer["stage"]),
                list(&answer["rules"]),
                cell(&answer["took_ms"]),
            ),
            What::List => {
                println!(
                    "{:<26} {:<7} {:>5} {:>7} {:>9}  {:<8} quarantined",
                    "name", "kind", "live", "shadow", "versions", "enabled"
                );
                for plugin in answer["plugins"].as_array().into_iter().flatten() {
                    println!(
                        "{:<26} {:<7} {:>5} {:>7} {:>9}  {:<8} {}",
                        cell(&plugin["name"]),
                        cell(&plugin["kind"]),
                        cell(&plugin["live"]),
                        cell(&plugin["shadow"]),
                        cell(&plugin["versions"]),
                        cell(&plugin["enabled"]),
                        list(&plugin["quarantined_rules"]),
                    );
                }
            }
            What::Diff { .. } => {
                println!(
                    "live {} against shadow {}, since {}",
                    cell(&answer["live"]["version"]),
                    cell(&answer["shadow"]["version"]),
                    cell(&answer["since"]),
                );
                println!(
                    "{:<26} {:>10} {:>8} {:>8} {:>8} {:>9} {:>9} {:>11} {:>11}",
                    "rule",
                    "rows",
                    "added",
                    "lost",
                    "changed",
                    "live ns",
                    "shadow ns",
                    "opened",
                    "would open"
                );
                for rule in answer["rules"].as_array().into_iter().flatten() {
                    println!(
                        "{:<26} {:>10} {:>8} {:>8} {:>8} {:>9} {:>9} {:>11} {:>11}",
                        cell(&rule["rule_id"]),
                        cell(&rule["rows"]),
                        cell(&rule["added"]),
                        cell(&rule["lost"]),
                        cell(&rule["changed"]),
                        cell(&rule["live_ns_per_row"]),
                        cell(&rule["shadow_ns_per_row"]),
                        cell(&rule["detections"]["live"]),
                        cell(&rule["detections"]["shadow"]),
                    );
                }
            }
            What::Promote { .. } | What::Rollback { .. } => println!(
                "version {} of {} is live, {} was; took {} ms",
                cell(&answer["live"]),
                cell(&answer["name"]),
                cell(&answer["previous"]),
                cell(&answer["took_ms"]),
            ),
            What::Delete { name, version: Some(version) } => {
                println!("version {version} of {name} is deleted");
            }
            What::Delete { name, version: None } => println!("{name} is deleted"),
            _ => print(answer)?,
        }
        Ok(())
    }
}

fn list(value: &Value) -> String {
    let items: Vec<String> = value.as_array().into_iter().flatten().map(cell).collect();
    if items.is_empty() { "-".to_owned() } else { items.join(", ") }
}

fn keygen(file: &std::path::Path) -> Result<Exit> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let (private, public) = access::generate_key()?;
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    made.and_then(|mut made| made.write_all(&private))
        .with_context(|| format!("{} cannot be written", file.display()))?;
    println!("trusted_keys = [{{ id = \"…\", public_key = \"{public}\" }}]");
    Ok(Exit::Done)
}
