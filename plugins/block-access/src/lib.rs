//! Puts who attacks a system into the block list, for a while.

mod subject;

use lapwing_sdk::action::{Action, Detection, Failure, Host, Outcome, Request};
use lapwing_sdk::features::within;
use serde::Deserialize;

pub use subject::Subject;

/// The longest time that a block may last, in seconds: a year.
const LASTS_S_MAX: u32 = 31_536_000;
/// The longest reason of a block, in characters.
const REASON_CHARS_MAX: usize = 200;

/// The plugin's settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The metrics or labels of a detection that name whom to block. One whose name ends in `ip`, `address`, `addr`,
    /// `network` or `cidr` must hold an address or a network.
    subjects_from: Vec<String>,
    /// Whether the system itself is blocked where none of those is there.
    block_system: bool,
    /// How long a block lasts, in seconds.
    lasts_s: u32,
    /// Addresses, networks and names that are never blocked.
    never_block: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            subjects_from: ["source_ip", "user"].map(str::to_owned).to_vec(),
            block_system: false,
            lasts_s: 3600,
            never_block: ["127.0.0.0/8", "::1"].map(str::to_owned).to_vec(),
        }
    }
}

/// The action.
#[derive(Debug)]
pub struct BlockAccess {
    subjects_from: Vec<String>,
    block_system: bool,
    lasts_s: u32,
    never_block: Vec<Subject>,
}

/// What a detection says of whom to block.
struct Suspects {
    subjects: Vec<Subject>,
    /// What is said in their place of those that cannot be blocked.
    refused: Vec<String>,
}

impl BlockAccess {
    /// Everybody whom the detection names, whether they may be blocked or not.
    fn suspects(&self, detection: &Detection) -> Suspects {
        let mut suspects = Suspects { subjects: Vec::new(), refused: Vec::new() };
        for name in &self.subjects_from {
            let Some(text) = detection.text(name).filter(|text| !text.trim().is_empty()) else { continue };
            let read =
                if holds_address(name) { Subject::network(text.trim()) } else { Subject::parse(&text) };
            match read {
                Ok(subject) if suspects.subjects.contains(&subject) => {}
                Ok(subject) => suspects.subjects.push(subject),
                Err(problem) => suspects.refused.push(format!("{name}: {}", shortened(&problem))),
            }
        }
        if self.block_system && suspects.subjects.is_empty() {
            suspects.subjects.push(Subject::Name(detection.system_id.clone()));
        }
        suspects
    }

    /// Why a subject must not be blocked.
    fn protected(&self, subject: &Subject) -> Option<String> {
        if subject.too_wide() {
            return Some(format!("{subject} is wider than /16 (IPv4) or /32 (IPv6)"));
        }
        let never = self.never_block.iter().find(|never| never.overlaps(subject))?;
        Some(format!("{subject} is never blocked ({never})"))
    }
}

impl Action for BlockAccess {
    type Settings = Settings;
    const UNDOES: bool = true;

    fn configure(settings: Settings) -> Result<Self, String> {
        let Settings { subjects_from, block_system, lasts_s, never_block } = settings;
        if subjects_from.iter().any(String::is_empty) {
            return Err("subjects_from: a name is empty; each is the name of a metric or label".to_owned());
        }
        within("lasts_s", lasts_s, 1..=LASTS_S_MAX)?;
        let never_block = never_block
            .iter()
            .map(|text| Subject::parse(text).map_err(|problem| format!("never_block: {problem}")))
            .collect::<Result<_, _>>()?;
        Ok(Self { subjects_from, block_system, lasts_s, never_block })
    }

    fn describe(&self) -> (&str, &str) {
        ("Block access", "Puts the addresses and users that attack a system into the block list for a while")
    }

    fn run(&self, request: &Request, _: &dyn Host) -> Result<Outcome, Failure> {
        let detection = match request.occasion.acted_on() {
            Ok(detection) => detection,
            Err(outcome) => return Ok(outcome),
        };
        let Suspects { subjects, mut refused } = self.suspects(detection);
        let mut allowed = Vec::new();
        for subject in subjects {
            match self.protected(&subject) {
                Some(reason) => refused.push(reason),
                None => allowed.push(subject),
            }
        }
        let mut summary = match &allowed[..] {
            [] if refused.is_empty() => "the detection names nobody to block".to_owned(),
            [] => "nobody was blocked".to_owned(),
            allowed => format!("blocked {} for {} s", joined(allowed), self.lasts_s),
        };
        for reason in &refused {
            summary = format!("{summary}; {reason}");
        }
        let Detection { rule_id, system_id, description, .. } = detection;
        let reason = shortened(&format!("{rule_id} on {system_id}: {description}"));
        let outcome = Outcome::new(summary);
        Ok(allowed.iter().fold(outcome, |outcome, subject| {
            outcome.block(subject.to_string(), reason.clone(), self.lasts_s)
        }))
    }

    /// Takes everybody out of the list whom the detection names, also who would not be put into it today.
    fn undo(&self, request: &Request, _: &dyn Host) -> Result<Outcome, Failure> {
        let detection = match request.occasion.acted_on() {
            Ok(detection) => detection,
            Err(outcome) => return Ok(outcome),
        };
        let subjects = self.suspects(detection).subjects;
        let outcome = match &subjects[..] {
            [] => Outcome::new("the detection names nobody to unblock"),
            subjects => Outcome::new(format!("unblocked {}", joined(subjects))),
        };
        Ok(subjects.iter().fold(outcome, |outcome, subject| outcome.unblock(subject.to_string())))
    }
}

/// Whether a metric of this name holds an address: `source_ip`, `client_address`.
fn holds_address(name: &str) -> bool {
    let last = name.rsplit(['_', '-', '.']).next().unwrap_or(name);
    ["ip", "address", "addr", "network", "cidr"].contains(&last.to_ascii_lowercase().as_str())
}

fn joined(subjects: &[Subject]) -> String {
    subjects.iter().map(Subject::to_string).collect::<Vec<_>>().join(", ")
}

fn shortened(text: &str) -> String {
    text.chars().take(REASON_CHARS_MAX).collect()
}

lapwing_sdk::export_action!(BlockAccess);

#[cfg(test)]
mod tests;
