//! Finds what moved first, what moved most and which systems moved with it, and attaches a report and a picture.

mod company;
mod movement;
mod report;
mod svg;

use lapwing_sdk::action::{Action, Failure, Host, Outcome, Request};
use serde::Deserialize;

pub use company::{Companion, Company};
pub use movement::Movement;

use report::Analysis;

/// Samples that are read of the system.
const SAMPLES_MAX: u32 = 1000;

/// The action; it has no settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnalyzePerformance {}

impl Action for AnalyzePerformance {
    type Settings = Self;
    const UNDOES: bool = false;

    fn configure(settings: Self) -> Result<Self, String> {
        Ok(settings)
    }

    fn describe(&self) -> (&str, &str) {
        (
            "Analyze performance",
            "Finds what moved first and which systems moved with it, and attaches a report",
        )
    }

    fn run(&self, request: &Request, host: &dyn Host) -> Result<Outcome, Failure> {
        let detection = match request.occasion.acted_on() {
            Ok(detection) => detection,
            Err(outcome) => return Ok(outcome),
        };
        let system_id = &detection.system_id;
        let history = host.history(system_id, 0.0, SAMPLES_MAX).map_err(Failure::permanent)?;
        let mut movements: Vec<Movement> = history.iter().filter_map(Movement::of).collect();
        if movements.is_empty() {
            return Ok(Outcome::new(format!(
                "too little is known of {system_id} to compare the last samples with"
            )));
        }
        movements
            .sort_by(|a, b| b.shift.abs().total_cmp(&a.shift.abs()).then_with(|| a.metric.cmp(&b.metric)));
        // Those that have moved come first, each group in the order of how far it moved.
        movements.sort_by_key(|movement| movement.changed.is_none());
        let analysis = Analysis::new(request, detection, &movements, host);
        let summary = analysis.summary();
        let picture = svg::draw(&summary, &movements.iter().collect::<Vec<_>>());
        let report = serde_json::to_vec(&analysis.report(&summary))
            .map_err(|error| Failure::permanent(format!("the report cannot be written: {error}")))?;
        Ok(Outcome::new(summary).attach("performance.json", "application/json", report).attach(
            "performance.svg",
            "image/svg+xml",
            picture.into_bytes(),
        ))
    }
}

lapwing_sdk::export_action!(AnalyzePerformance);

#[cfg(test)]
mod tests;
