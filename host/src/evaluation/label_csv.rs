//! Labels as people write them: CSV, one incident a line.

use std::collections::{BTreeMap, BTreeSet};

use csv::StringRecord;
use serde::Deserialize;
use serde::de::IntoDeserializer;

use super::{Incident, Labels, LabelsError, Systems};
use crate::model::DetectionType;
use crate::time::Millis;

const COLUMNS: [&str; 4] = ["system_id", "detection_type", "begin", "end"];

impl Labels {
    /// Reads `system_id,detection_type,begin,end` with this header; `*` is every system, times are RFC 3339.
    /// Each line is an incident that should be found, its type is its kind, its id is `line N`. No traps, no
    /// intervals.
    ///
    /// # Errors
    /// The first line that cannot be used, and its field.
    pub fn from_csv(text: &str) -> Result<Self, LabelsError> {
        let mut lines = (1..).zip(text.lines());
        let header = lines.next().map(|(_, text)| fields(text)).transpose()?.unwrap_or_default();
        if !header.iter().eq(COLUMNS) {
            return Err(LabelsError::Line {
                line: 1,
                field: "header",
                found: header.iter().collect::<Vec<_>>().join(","),
                expected: COLUMNS.join(","),
            });
        }
        let filled = lines.filter(|(_, text)| !text.trim().is_empty());
        let incidents =
            filled.map(|(line, text)| incident(line, &fields(text)?)).collect::<Result<_, _>>()?;
        Self::new(incidents, BTreeMap::new(), None)
    }
}

/// The fields of one line. Lines are taken one by one, since a reader of many loses count at blank ones.
fn fields(text: &str) -> Result<StringRecord, LabelsError> {
    let mut builder = csv::ReaderBuilder::new();
    let mut reader = builder.has_headers(false).trim(csv::Trim::All).from_reader(text.as_bytes());
    Ok(reader.records().next().transpose()?.unwrap_or_default())
}

fn incident(line: u64, record: &StringRecord) -> Result<Incident, LabelsError> {
    let wrong = |field, found: &str, expected: String| LabelsError::Line {
        line,
        field,
        found: found.to_owned(),
        expected,
    };
    let field = |place: usize| {
        let text = record.get(place).unwrap_or_default();
        if text.is_empty() { Err(wrong(COLUMNS[place], text, "a value".to_owned())) } else { Ok(text) }
    };
    if let Some(extra) = record.get(COLUMNS.len()) {
        return Err(wrong("end", extra, "nothing after it".to_owned()));
    }
    let time = |place: usize| {
        let text = field(place)?;
        let expected = || "an RFC 3339 time with an offset, such as 2026-01-05T00:00:00Z".to_owned();
        Millis::parse(text).map_err(|_| wrong(COLUMNS[place], text, expected()))
    };
    let system_id = field(0)?;
    let type_name = field(1)?;
    let detection_type = DetectionType::deserialize(type_name.into_deserializer())
        .map_err(|error: serde::de::value::Error| wrong(COLUMNS[1], type_name, expected_of(&error)))?;
    let (begin, end) = (time(2)?, time(3)?);
    if end < begin {
        return Err(wrong(COLUMNS[3], &end.to_string(), "a time not before begin".to_owned()));
    }
    Ok(Incident {
        id: format!("line {line}"),
        kind: type_name.to_owned(),
        detection_type: Some(detection_type),
        accepted: BTreeSet::new(),
        forbidden: BTreeSet::new(),
        expected: true,
        systems: if system_id == "*" { Systems::All } else { Systems::These([system_id.to_owned()].into()) },
        begin,
        end,
        first_observable: begin,
        interval_s: 0.0,
    })
}

/// The names that serde lists, without its repetition of what was found.
fn expected_of(error: &serde::de::value::Error) -> String {
    let text = error.to_string();
    text.split_once(", expected ").map_or(text.clone(), |(_, expected)| expected.to_owned())
}
