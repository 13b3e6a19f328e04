//! How good detections are: labels and detections in, a report out. Nothing here reads files or knows the road.

mod difference;
mod figures;
mod finding;
mod grid;
mod incident;
mod label_csv;
mod label_json;
mod matching;
mod proportion;
mod report;
mod spread;
mod text;
mod verdicts;

#[cfg(test)]
mod tests;

pub use difference::{Delta, Difference, Incomparable};
pub use figures::{ClassCounts, Figures, KindFigures};
pub use finding::{Finding, FindingError, Findings};
pub use incident::{Extent, Incident, Labels, LabelsError, Systems};
pub use matching::{Class, Matching, MatchingError};
pub use proportion::Proportion;
pub use report::{IncidentOutcome, Judged, Report, Run};
pub use spread::Spread;
pub use verdicts::Verdicts;
