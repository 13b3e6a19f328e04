//! `lapwing token`: who may do what.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use super::Exit;
use super::client::{Body, Server, cell, print};

/// The arguments of `lapwing token`.
#[derive(Debug, Args)]
pub(super) struct TokenCommand {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make one; it is shown once
    Create {
        /// For people: whose it is
        name: String,
        /// ingest, viewer, operator or admin
        #[arg(long)]
        role: String,
        /// A system whose samples it is good for, or the beginning of ids before a `*`; may be repeated [default: all]
        #[arg(long = "system", value_name = "ID")]
        systems: Vec<String>,
        /// Seconds until it ends [default: never]
        #[arg(long, value_name = "SECONDS")]
        expires_in_s: Option<u64>,
    },
    /// List them, without their secrets
    List,
    /// End one for good
    Revoke {
        /// As listed
        id: String,
    },
}

impl TokenCommand {
    pub(super) fn run(&self) -> Result<Exit> {
        let answer = match &self.what {
            What::Create { name, role, systems, expires_in_s } => {
                let mut body = json!({ "name": name, "role": role, "systems": systems });
                if let Some(seconds) = expires_in_s {
                    body["expires_in_s"] = json!(seconds);
                }
                self.server.post("/api/v1/tokens", &body)?
            }
            What::List => self.server.get("/api/v1/tokens")?,
            What::Revoke { id } => self.server.ask("DELETE", &format!("/api/v1/tokens/{id}"), Body::None)?,
        };
        if self.server.json {
            print(&answer)?;
            return Ok(Exit::Done);
        }
        match &self.what {
            What::Create { .. } => println!("{}", cell(&answer["token"])),
            What::List => {
                println!(
                    "{:<18} {:<24} {:<9} {:<26} {:<26} revoked",
                    "id", "name", "role", "created", "expires"
                );
                for token in answer["tokens"].as_array().into_iter().flatten() {
                    println!(
                        "{:<18} {:<24} {:<9} {:<26} {:<26} {}",
                        cell(&token["id"]),
                        cell(&token["name"]),
                        cell(&token["role"]),
                        cell(&token["created_at"]),
                        cell(&token["expires_at"]),
                        cell(&token["revoked_at"]),
                    );
                }
            }
            What::Revoke { id } => println!("{id} is revoked"),
        }
        Ok(Exit::Done)
    }
}
