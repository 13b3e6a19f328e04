//! `lapwing detection`: what people do with detections.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Exit;
use super::client::{Server, cell, print};

/// The arguments of `lapwing detection`.
#[derive(Debug, Args)]
pub(super) struct DetectionCommand {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Args)]
struct Which {
    /// The detection
    id: Uuid,
    /// Why, for those who look later
    #[arg(long, short, value_name = "TEXT")]
    note: Option<String>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the newest
    List {
        /// active, investigating, escalated, resolved or false_positive
        #[arg(long)]
        status: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Show one, with its history
    Show {
        /// The detection
        id: Uuid,
    },
    /// "I have it"
    Acknowledge(Which),
    /// Take an acknowledgement back
    Unacknowledge(Which),
    /// Say whose it is
    Assign {
        #[command(flatten)]
        which: Which,
        /// Who; nobody unless given
        #[arg(long)]
        to: Option<String>,
    },
    /// Add a comment (--note)
    Comment(Which),
    /// "It is over"
    Resolve(Which),
    /// "It never was a trouble"
    FalsePositive(Which),
    /// "It is not over"
    Reopen(Which),
}

impl DetectionCommand {
    pub(super) fn run(&self) -> Result<Exit> {
        let make = |which: &Which, step: &str| {
            self.server
                .post(&format!("/api/v1/detections/{}/{step}", which.id), &json!({ "note": which.note }))
        };
        let answer = match &self.what {
            What::List { status, limit } => {
                let limit = limit.to_string();
                let mut query = vec![("limit", limit.as_str())];
                query.extend(status.as_deref().map(|status| ("status", status)));
                self.server.query("/api/v1/detections", &query)?
            }
            What::Show { id } => self.server.get(&format!("/api/v1/detections/{id}"))?,
            What::Acknowledge(which) => make(which, "acknowledge")?,
            What::Unacknowledge(which) => make(which, "unacknowledge")?,
            What::Comment(which) => make(which, "comment")?,
            What::Resolve(which) => make(which, "resolve")?,
            What::FalsePositive(which) => make(which, "false-positive")?,
            What::Reopen(which) => make(which, "reopen")?,
            What::Assign { which, to } => {
                let body = json!({ "assignee": to, "note": which.note });
                self.server.post(&format!("/api/v1/detections/{}/assign", which.id), &body)?
            }
        };
        match &self.what {
            _ if self.server.json => print(&answer)?,
            What::List { .. } => {
                for detection in answer["detections"].as_array().into_iter().flatten() {
                    println!("{}", line(detection));
                }
            }
            What::Show { .. } => show(&answer),
            _ => println!("{}", line(&answer)),
        }
        Ok(Exit::Done)
    }
}

fn line(detection: &Value) -> String {
    format!(
        "{} {:<14} {:<8} {:<24} {}",
        cell(&detection["detection_id"]),
        cell(&detection["status"]),
        cell(&detection["severity"]),
        cell(&detection["system_id"]),
        cell(&detection["description"]),
    )
}

fn show(detection: &Value) {
    println!("{}", line(detection));
    for condition in detection["evidence"]["conditions"].as_array().into_iter().flatten() {
        let window = condition["window"].as_str().map_or(String::new(), |window| format!(" ({window})"));
        println!(
            "  {}{window} {}: {} {}",
            cell(&condition["metric"]),
            cell(&condition["observed"]),
            cell(&condition["relation"]).replace('_', " "),
            cell(&condition["expected"]),
        );
    }
    for entry in detection["history"].as_array().into_iter().flatten() {
        let note = entry["note"].as_str().unwrap_or_default();
        println!("{}  {:<16} {:<12} {note}", cell(&entry["at"]), cell(&entry["what"]), cell(&entry["by"]));
    }
}
