//! `lapwing silence`, `lapwing route` and `lapwing action`: who is told, and what is owed.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Exit;
use super::client::{Body, Server, cell, percent_encoded, print};

/// `label=condition`, as in the configuration.
fn pair(text: &str) -> Result<(String, String), String> {
    let (label, condition) = text.split_once('=').ok_or("expected LABEL=CONDITION, such as zone=eu-1")?;
    // `severity=>=high` and `team=!=ci` have their sign after the first one.
    Ok((label.to_owned(), condition.to_owned()))
}

/// The arguments of `lapwing silence`.
#[derive(Debug, Args)]
pub(super) struct SilenceCommand {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    what: Silencing,
}

#[derive(Debug, Subcommand)]
enum Silencing {
    /// List those to come, in force, and ended within a day
    List,
    /// Make one
    Add {
        /// What it hides: `zone=eu-1`, `team=!=ci`, `system_id=~web-.*`, `severity=<high`
        #[arg(required = true, value_parser = pair)]
        matchers: Vec<(String, String)>,
        /// Who answers for it
        #[arg(long)]
        owner: String,
        /// Why it is
        #[arg(long, default_value = "")]
        comment: String,
        /// Until when (RFC 3339)
        #[arg(long, value_name = "TIME")]
        ends: String,
        /// From when on (RFC 3339) [default: at once]
        #[arg(long, value_name = "TIME")]
        starts: Option<String>,
    },
    /// Say what one would hide now
    Preview {
        /// As for `add`
        #[arg(required = true, value_parser = pair)]
        matchers: Vec<(String, String)>,
    },
    /// End one before its time
    End {
        /// As listed
        id: String,
    },
}

impl SilenceCommand {
    pub(super) fn run(&self) -> Result<Exit> {
        let map = |pairs: &[(String, String)]| pairs.iter().cloned().collect::<BTreeMap<_, _>>();
        let answer = match &self.what {
            Silencing::List => self.server.get("/api/v1/silences")?,
            Silencing::Add { matchers, owner, comment, ends, starts } => {
                let mut body =
                    json!({ "matchers": map(matchers), "owner": owner, "comment": comment, "ends": ends });
                if let Some(starts) = starts {
                    body["starts"] = json!(starts);
                }
                self.server.post("/api/v1/silences", &body)?
            }
            Silencing::Preview { matchers } => {
                self.server.post("/api/v1/silences/preview", &json!({ "matchers": map(matchers) }))?
            }
            Silencing::End { id } => {
                self.server.ask("DELETE", &format!("/api/v1/silences/{id}"), Body::None)?
            }
        };
        match &self.what {
            _ if self.server.json => print(&answer)?,
            Silencing::List => {
                for silence in answer["silences"].as_array().into_iter().flatten() {
                    println!("{}", silence_line(silence));
                }
            }
            Silencing::Preview { .. } => {
                println!("{} detections would be hidden", cell(&answer["count"]));
                for id in answer["detection_ids"].as_array().into_iter().flatten() {
                    println!("  {}", cell(id));
                }
            }
            Silencing::Add { .. } | Silencing::End { .. } => println!("{}", silence_line(&answer)),
        }
        Ok(Exit::Done)
    }
}

fn silence_line(silence: &Value) -> String {
    format!(
        "{}  {} to {}  by {}  {}  {}",
        cell(&silence["id"]),
        cell(&silence["starts"]),
        cell(&silence["ends"]),
        cell(&silence["owner"]),
        silence["matchers"],
        cell(&silence["comment"]),
    )
}

/// The arguments of `lapwing route`.
#[derive(Debug, Args)]
pub(super) struct RouteCommand {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    what: Routing,
}

#[derive(Debug, Subcommand)]
enum Routing {
    /// Say who would be told of an alert, and why not
    Test {
        /// Its labels: `zone=eu-1 severity=high rule_id=system_disconnection`
        #[arg(required = true, value_parser = pair)]
        labels: Vec<(String, String)>,
    },
}

impl RouteCommand {
    pub(super) fn run(&self) -> Result<Exit> {
        let Routing::Test { labels } = &self.what;
        let labels: BTreeMap<_, _> = labels.iter().cloned().collect();
        let answer = self.server.post("/api/v1/routes/test", &json!({ "labels": labels }))?;
        if self.server.json {
            print(&answer)?;
            return Ok(Exit::Done);
        }
        for visit in answer["visited"].as_array().into_iter().flatten() {
            match visit["failed"].as_str() {
                Some(failed) => println!("{}: not for it: {failed}", cell(&visit["route"])),
                None => println!("{}: matches", cell(&visit["route"])),
            }
        }
        for taken in answer["taken"].as_array().into_iter().flatten() {
            let receivers: Vec<String> =
                taken["receivers"].as_array().into_iter().flatten().map(cell).collect();
            let whom = if receivers.is_empty() { "nobody".to_owned() } else { receivers.join(", ") };
            println!("{} tells {whom}, in the group {}", cell(&taken["route"]), taken["group"]);
            if let Some(window) = taken["muted"].as_str() {
                println!("  quiet now, during {window}");
            }
        }
        for (what, key) in [("maintenance", "maintenance"), ("silence", "silences")] {
            for held in answer[key].as_array().into_iter().flatten() {
                println!("held by {what} {}", cell(held));
            }
        }
        for held in answer["inhibited"].as_array().into_iter().flatten() {
            println!("held by detection {} (inhibition rule {})", cell(&held["by"]), cell(&held["rule"]));
        }
        if let Some(by) = answer["depends_on"].as_str() {
            println!("held behind detection {by}, of a system that it depends on");
        }
        Ok(Exit::Done)
    }
}

/// The arguments of `lapwing action`.
#[derive(Debug, Args)]
pub(super) struct ActionCommand {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    what: Acting,
}

#[derive(Debug, Subcommand)]
enum Acting {
    /// List the actions in force, and what stands before each
    List,
    /// List what is or was owed, the newest first
    Owed {
        /// waiting, under_way, awaiting, held, done, dead or cancelled
        #[arg(long)]
        state: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Let a held one through
    Approve {
        /// As listed
        key: String,
    },
    /// Give one up
    Cancel {
        /// As listed
        key: String,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Try a dead letter again
    Replay {
        /// As listed
        key: String,
    },
    /// Take back what one did
    Undo {
        /// As listed
        key: String,
    },
}

impl ActionCommand {
    pub(super) fn run(&self) -> Result<Exit> {
        let decide = |key: &str, what: &str, body: Value| {
            self.server.post(&format!("/api/v1/owed/{}/{what}", percent_encoded(key)), &body)
        };
        let answer = match &self.what {
            Acting::List => self.server.get("/api/v1/actions")?,
            Acting::Owed { state, limit } => {
                let limit = limit.to_string();
                let mut query = vec![("limit", limit.as_str())];
                query.extend(state.as_deref().map(|state| ("state", state)));
                self.server.query("/api/v1/owed", &query)?
            }
            Acting::Approve { key } => decide(key, "approve", Value::Null)?,
            Acting::Cancel { key, reason } => decide(key, "cancel", json!({ "reason": reason }))?,
            Acting::Replay { key } => decide(key, "replay", Value::Null)?,
            Acting::Undo { key } => decide(key, "undo", Value::Null)?,
        };
        if self.server.json {
            print(&answer)?;
            return Ok(Exit::Done);
        }
        match &self.what {
            Acting::List => {
                for action in answer["actions"].as_array().into_iter().flatten() {
                    let depth = &action["depth"];
                    println!(
                        "{:<24} {:<24} waiting {:<6} held {:<6} dead {:<6} {}",
                        cell(&action["action_id"]),
                        cell(&action["plugin"]),
                        cell(&depth["waiting"]),
                        cell(&depth["held"]),
                        cell(&depth["dead"]),
                        cell(&action["description"]),
                    );
                }
            }
            Acting::Owed { .. } => {
                for owed in answer["owed"].as_array().into_iter().flatten() {
                    println!("{}", owed_line(owed));
                }
            }
            _ if answer["key"].is_string() => println!("{}", owed_line(&answer)),
            _ => bail!("the answer makes no sense: {answer}"),
        }
        Ok(Exit::Done)
    }
}

fn owed_line(owed: &Value) -> String {
    let state = &owed["state"];
    let words = ["summary", "reason"].into_iter().find_map(|key| state[key].as_str());
    format!(
        "{}  {:<20} {:<10} tries {:<4} {}",
        cell(&owed["key"]),
        cell(&owed["action_id"]),
        cell(&state["kind"]),
        cell(&owed["attempts"]),
        words.or(owed["last_failure"].as_str()).unwrap_or_default(),
    )
}
