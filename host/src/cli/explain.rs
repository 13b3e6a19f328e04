//! `lapwing explain` and `lapwing why-not`: what was judged, executed again.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;
use uuid::Uuid;

use super::client::{Body, Server, cell, print};
use super::{Exit, Setup};
use crate::detections::{Event, EventKind};
use crate::service::reproduce;

/// The arguments of `lapwing explain`.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The detection
    #[arg(required_unless_present = "file")]
    id: Option<Uuid>,
    /// Instead of one of a server: every detection that a replay wrote to this file (NDJSON)
    #[arg(long, value_name = "FILE", conflicts_with = "id")]
    file: Option<PathBuf>,
    #[command(flatten)]
    setup: Setup,
    #[command(flatten)]
    server: Server,
}

/// The arguments of `lapwing why-not`.
#[derive(Debug, Args)]
pub(super) struct WhyNot {
    /// Which system
    system: String,
    /// By which rule
    rule: String,
    /// When it was expected (RFC 3339) [default: now]
    at: Option<String>,
    #[command(flatten)]
    server: Server,
}

impl Explain {
    pub(super) fn run(&self) -> Result<Exit> {
        if let Some(file) = &self.file {
            return self.all_of(file);
        }
        let id = self.id.context("which detection?")?;
        let answer = self.server.ask("POST", &format!("/api/v1/detections/{id}/explain"), Body::None)?;
        if self.server.json {
            print(&answer)?;
        } else {
            show(&answer);
        }
        Ok(if answer["reproduced"] == true { Exit::Done } else { Exit::Failed })
    }

    /// Executes every opening verdict of a replay again, with the components that are at hand.
    fn all_of(&self, file: &Path) -> Result<Exit> {
        let (catalog, _) = self.setup.catalog(self.setup.config()?)?;
        let reader =
            std::fs::File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let (mut reproduced, mut others) = (0_u64, 0_u64);
        for (number, line) in std::io::BufReader::new(reader).lines().enumerate() {
            let place = || format!("{}:{}", file.display(), number + 1);
            let event: Event = serde_json::from_str(&line?).with_context(place)?;
            if event.event != EventKind::Opened {
                continue;
            }
            let detection = event.detection;
            let digest = &detection.evidence.plugin.digest;
            let Some(rule) = catalog.rules.iter().find(|rule| *rule.plugin.digest == **digest) else {
                bail!("{}: no component has the digest {digest}; add it with --plugin or --config", place());
            };
            let answer = reproduce(&detection, &rule.plugin);
            if answer.reproduced {
                reproduced += 1;
            } else {
                others += 1;
                println!("{}: {} of {}", place(), detection.detection_id, detection.system_id);
                answer.differences.iter().for_each(|difference| println!("  {difference}"));
            }
        }
        println!("{reproduced} of {} verdicts came out as they did", reproduced + others);
        Ok(if others == 0 { Exit::Done } else { Exit::Failed })
    }
}

fn show(answer: &Value) {
    println!("{}", cell(&answer["summary"]));
    let plugin = &answer["plugin"];
    println!(
        "by {} {} (contract {})",
        cell(&plugin["name"]),
        cell(&plugin["digest"]),
        cell(&plugin["contract"])
    );
    for condition in answer["conditions"].as_array().into_iter().flatten() {
        let window = condition["window"].as_str().map_or(String::new(), |window| format!(" ({window})"));
        println!(
            "  {}{window}: {} {} {}: {}",
            cell(&condition["metric"]),
            cell(&condition["observed"]),
            cell(&condition["relation"]).replace('_', " "),
            cell(&condition["expected"]),
            cell(&condition["outcome"]),
        );
    }
    for row in answer["rows"].as_array().into_iter().flatten() {
        let said = if row["matches"] == true { "matches" } else { "does not match" };
        println!("  the row of {} {said}", cell(&row["at"]));
    }
    if answer["reproduced"] == true {
        println!("executed again: the same answer");
    } else {
        println!("executed again: NOT the same answer");
        for difference in answer["differences"].as_array().into_iter().flatten() {
            println!("  {}", cell(difference));
        }
    }
}

impl WhyNot {
    pub(super) fn run(&self) -> Result<Exit> {
        let mut query = vec![("system_id", self.system.as_str()), ("rule_id", &self.rule)];
        query.extend(self.at.as_deref().map(|at| ("at", at)));
        let answer = self.server.query("/api/v1/why-not", &query)?;
        if self.server.json {
            print(&answer)?;
            return Ok(Exit::Done);
        }
        println!("{}", cell(&answer["answer"]));
        for step in answer["steps"].as_array().into_iter().flatten() {
            let mark = if step["passed"] == true { "passed " } else { "stopped" };
            println!("  {mark} {:<12} {}", cell(&step["step"]), cell(&step["detail"]));
        }
        Ok(Exit::Done)
    }
}
