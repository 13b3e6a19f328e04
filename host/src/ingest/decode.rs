//! NDJSON lines to samples: reads, validates, and gives names their numbers.

use std::borrow::Cow;

use hashbrown::HashMap;
use serde::de::DeserializeSeed;

use super::batch::SampleBatch;
use super::refusal::{Refusal, quoted};
use super::row::{Fields, ObjectSeed, Scalar};
use super::scope::Scope;
use crate::limits::{CUSTOM_METRICS_MAX, NAME_BYTES_MAX, TEXT_BYTES_MAX};
use crate::model::{HEALTH_STATUS, IdHasher, MetricId, SharedNames, TypeId, hash_id};
use crate::time::Millis;

/// The type of a system whose samples do not say.
const UNKNOWN_TYPE: &str = "unknown";

/// Reads samples. Keeps what consecutive samples have in common: the order of their keys.
#[derive(Debug)]
pub struct Decoder {
    metrics: SharedNames,
    types: SharedNames,
    hasher: IdHasher,
    /// Every field met, by its key, in two spaces: top level and `custom_metrics`.
    fields: [HashMap<Box<str>, Field, foldhash::fast::RandomState>; 2],
    /// The keys of the last sample in their order: the next one's are usually the same.
    script: Vec<(Box<str>, usize, Field)>,
    type_of_last: (Box<str>, TypeId),
    /// The time of rows that have none.
    time_unless_given: Option<Millis>,
    /// The systems that rows may be of.
    scope: Scope,
}

/// What a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    SystemId,
    SystemType,
    Timestamp,
    CustomMetrics,
    HealthStatus,
    /// A number of its own field, within bounds.
    BuiltIn(MetricId),
    /// A number, a boolean or a text.
    Custom(MetricId),
}

const TOP: usize = 0;
const CUSTOM: usize = 1;

impl Decoder {
    /// A decoder that tells new names to `metrics` and `types`, and hashes ids as `hasher` does.
    #[must_use]
    pub fn new(metrics: SharedNames, types: SharedNames, hasher: IdHasher) -> Self {
        Self {
            metrics,
            types,
            hasher,
            fields: Default::default(),
            script: Vec::new(),
            type_of_last: (Box::default(), TypeId(u16::MAX)),
            time_unless_given: None,
            scope: Scope::default(),
        }
    }

    /// From now on, rows are of these systems or refused, and those without a time are of this one; `None`: they are refused.
    pub fn expect(&mut self, scope: Scope, time_unless_given: Option<Millis>) {
        self.scope = scope;
        self.time_unless_given = time_unless_given;
    }

    /// Reads one line and adds its sample to `batch`.
    ///
    /// # Errors
    /// What is wrong with the row; `batch` is as it was.
    pub fn decode(&mut self, line: &[u8], batch: &mut SampleBatch) -> Result<(), Refusal> {
        let result = self.read(line, batch);
        if result.is_err() {
            batch.abandon();
        }
        result
    }

    fn read(&mut self, line: &[u8], batch: &mut SampleBatch) -> Result<(), Refusal> {
        let text = std::str::from_utf8(line)
            .map_err(|error| Refusal::of_row(format!("a byte that is not UTF-8 at {error}"), "UTF-8"))?;
        let mut row = Row {
            decoder: self,
            batch,
            step: 0,
            depth: TOP,
            field: None,
            customs: 0,
            system_id: None,
            system_type: None,
            time: None,
            refusal: None,
        };
        let mut json = serde_json::Deserializer::from_str(text);
        let read = ObjectSeed(&mut row).deserialize(&mut json).and_then(|()| json.end());
        match (row.refusal.take(), read) {
            (Some(refusal), _) => Err(refusal),
            (None, Err(error)) if row.depth == CUSTOM && error.is_data() => {
                Err(Refusal::of_field("custom_metrics", found_kind(&error), "an object of metrics"))
            }
            (None, Err(error)) => Err(not_json(text, &error, row.field.as_deref())),
            (None, Ok(())) => row.finish(),
        }
    }

    /// What `key` stands for at this depth; `step` is how many keys the row had before.
    fn field(&mut self, key: &str, depth: usize, step: usize) -> Result<Field, Refusal> {
        if let Some((expected, at_depth, field)) = self.script.get(step)
            && *at_depth == depth
            && **expected == *key
        {
            return Ok(*field);
        }
        let field = match self.fields[depth].get(key) {
            Some(&field) => field,
            None => {
                let field = self.name(key, depth)?;
                self.fields[depth].insert(key.into(), field);
                field
            }
        };
        self.script.truncate(step);
        self.script.push((key.into(), depth, field));
        Ok(field)
    }

    fn name(&self, key: &str, depth: usize) -> Result<Field, Refusal> {
        let at_top = match key {
            "system_id" => Some(Field::SystemId),
            "system_type" => Some(Field::SystemType),
            "timestamp" => Some(Field::Timestamp),
            "custom_metrics" => Some(Field::CustomMetrics),
            "health_status" => Some(Field::HealthStatus),
            _ => None,
        };
        match at_top {
            Some(field) if depth == TOP => return Ok(field),
            Some(_) => return Err(out_of_place(key)),
            None => {}
        }
        if key.is_empty() || key.len() > NAME_BYTES_MAX {
            let expected = format!("1 to {NAME_BYTES_MAX} bytes");
            return Err(Refusal::of_row(format!("a metric name of {} bytes", key.len()), expected));
        }
        let number = self.metrics.number(key).map_err(|full| {
            Refusal::of_field(key, "a new metric name", format!("a known one, because {full}"))
        })?;
        match (MetricId(number).is_built_in(), depth) {
            (true, TOP) => Ok(Field::BuiltIn(MetricId(number))),
            (true, _) => Err(out_of_place(key)),
            (false, _) => Ok(Field::Custom(MetricId(number))),
        }
    }
}

fn out_of_place(key: &str) -> Refusal {
    let expected = format!("a name of its own: `{key}` is a field of the sample itself");
    Refusal::of_field(&format!("custom_metrics.{key}"), "a built-in name", expected)
}

/// A row being read.
struct Row<'a, 'de> {
    decoder: &'a mut Decoder,
    batch: &'a mut SampleBatch,
    step: usize,
    depth: usize,
    /// The key last read, for errors of syntax.
    field: Option<Cow<'de, str>>,
    customs: usize,
    system_id: Option<Cow<'de, str>>,
    system_type: Option<Cow<'de, str>>,
    time: Option<Millis>,
    refusal: Option<Refusal>,
}

impl<'de> Fields<'de> for Row<'_, 'de> {
    fn enters(&mut self, key: &str) -> bool {
        let enters = self.depth == TOP && key == "custom_metrics";
        if enters {
            self.depth = CUSTOM;
        }
        enters
    }

    fn leave(&mut self) {
        self.depth = TOP;
    }

    fn value(&mut self, key: Cow<'de, str>, value: Scalar<'de>) -> Result<(), ()> {
        let taken =
            self.decoder.field(&key, self.depth, self.step).and_then(|field| self.take(field, &key, value));
        self.step += 1;
        self.field = Some(key);
        taken.map_err(|refusal| self.refusal = Some(refusal))
    }
}

impl<'de> Row<'_, 'de> {
    fn take(&mut self, field: Field, key: &str, value: Scalar<'de>) -> Result<(), Refusal> {
        match (field, value) {
            (Field::SystemId, Scalar::Text(id)) => self.system_id = Some(checked_name(key, id)?),
            (Field::SystemType, Scalar::Text(kind)) => self.system_type = Some(checked_name(key, kind)?),
            (Field::Timestamp, Scalar::Text(text)) => self.time = Some(parse_time(key, &text)?),
            (
                Field::SystemType | Field::HealthStatus | Field::BuiltIn(_) | Field::Custom(_),
                Scalar::Null,
            ) => {}
            (Field::HealthStatus, Scalar::Text(text)) => self.text(key, HEALTH_STATUS, &text)?,
            (Field::BuiltIn(metric), Scalar::Number(number)) => {
                check_bounds(key, metric, number)?;
                self.batch.push_value(metric, number);
            }
            (Field::Custom(metric), value) => self.custom(key, metric, value)?,
            (Field::SystemId | Field::SystemType | Field::HealthStatus, other) => {
                return Err(Refusal::of_field(key, kind_of(&other), "a text"));
            }
            (Field::Timestamp, other) => return Err(Refusal::of_field(key, kind_of(&other), TIME_EXPECTED)),
            (Field::BuiltIn(_), other) => {
                return Err(Refusal::of_field(key, kind_of(&other), "a number"));
            }
            (Field::CustomMetrics, other) => {
                return Err(Refusal::of_field(key, kind_of(&other), "an object of metrics"));
            }
        }
        Ok(())
    }

    fn custom(&mut self, key: &str, metric: MetricId, value: Scalar<'_>) -> Result<(), Refusal> {
        self.customs += 1;
        if self.customs > CUSTOM_METRICS_MAX {
            let found = format!("more than {CUSTOM_METRICS_MAX} metrics");
            return Err(Refusal::of_field("custom_metrics", found, format!("at most {CUSTOM_METRICS_MAX}")));
        }
        match value {
            Scalar::Number(number) => self.batch.push_value(metric, number),
            Scalar::Boolean(boolean) => self.batch.push_value(metric, f64::from(u8::from(boolean))),
            Scalar::Text(text) => self.text(&self.path(key), metric, &text)?,
            other => {
                let field = self.path(key);
                return Err(Refusal::of_field(&field, kind_of(&other), "a number, a boolean or a text"));
            }
        }
        Ok(())
    }

    /// A custom metric as the sender wrote it: a field of its own, or one of `custom_metrics`.
    fn path(&self, key: &str) -> String {
        if self.depth == CUSTOM { format!("custom_metrics.{key}") } else { key.to_owned() }
    }

    fn text(&mut self, field: &str, metric: MetricId, text: &str) -> Result<(), Refusal> {
        if text.len() > TEXT_BYTES_MAX {
            let expected = format!("at most {TEXT_BYTES_MAX} bytes");
            return Err(Refusal::of_field(field, format!("a text of {} bytes", text.len()), expected));
        }
        self.batch.push_text(metric, text);
        Ok(())
    }

    fn finish(self) -> Result<(), Refusal> {
        let missing = |field| Refusal::of_field(field, "nothing", "a value: every sample has one");
        let system_id = self.system_id.ok_or_else(|| missing("system_id"))?;
        if !self.decoder.scope.covers(&system_id) {
            let expected = format!("a system of this token: {}", self.decoder.scope.describe());
            return Err(Refusal::of_field("system_id", quoted(&system_id), expected));
        }
        let time = self.time.or(self.decoder.time_unless_given).ok_or_else(|| missing("timestamp"))?;
        let kind = self.system_type.as_deref().unwrap_or(UNKNOWN_TYPE);
        if *self.decoder.type_of_last.0 != *kind {
            let number = self.decoder.types.number(kind).map_err(|full| {
                Refusal::of_field("system_type", "a new type", format!("a known one, because {full}"))
            })?;
            self.decoder.type_of_last = (kind.into(), TypeId(number));
        }
        let id_hash = hash_id(&self.decoder.hasher, &system_id);
        self.batch.finish(&system_id, id_hash, self.decoder.type_of_last.1, time);
        Ok(())
    }
}

const TIME_EXPECTED: &str = "an RFC 3339 time such as 2026-01-05T00:00:00Z";

fn parse_time(key: &str, text: &str) -> Result<Millis, Refusal> {
    Millis::parse(text).map_err(|_| Refusal::of_field(key, quoted(text), TIME_EXPECTED))
}

fn checked_name<'de>(key: &str, name: Cow<'de, str>) -> Result<Cow<'de, str>, Refusal> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        let found =
            if name.is_empty() { "an empty text".to_owned() } else { format!("{} bytes", name.len()) };
        return Err(Refusal::of_field(key, found, format!("a text of 1 to {NAME_BYTES_MAX} bytes")));
    }
    Ok(name)
}

fn check_bounds(key: &str, metric: MetricId, number: f64) -> Result<(), Refusal> {
    const PERCENTAGES: std::ops::RangeInclusive<u16> = 1..=3;
    const ERROR_RATE: u16 = 5;
    let (most, expected) = match metric.0 {
        percentage if PERCENTAGES.contains(&percentage) => (100.0, "a percentage from 0 to 100"),
        ERROR_RATE => (1.0, "a share from 0 to 1"),
        _ => (f64::MAX, "a number of 0 or more"),
    };
    if (0.0..=most).contains(&number) {
        Ok(())
    } else {
        Err(Refusal::of_field(key, number.to_string(), expected))
    }
}

fn kind_of(value: &Scalar<'_>) -> String {
    match value {
        Scalar::Null => "null".to_owned(),
        Scalar::Boolean(boolean) => boolean.to_string(),
        Scalar::Number(number) => number.to_string(),
        Scalar::Text(text) => format!("the text {}", quoted(text)),
        Scalar::List => "a list".to_owned(),
        Scalar::Object => "an object".to_owned(),
    }
}

/// What serde found in the place of an object.
fn found_kind(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let found = message.split(',').next().unwrap_or(&message).replace("invalid type: ", "");
    found.replace("sequence", "a list")
}

/// Says what broke the syntax; numbers that JSON cannot carry are named, because senders do write them.
fn not_json(text: &str, error: &serde_json::Error, after: Option<&str>) -> Refusal {
    let rest = text.get(error.column().saturating_sub(1)..).unwrap_or_default();
    let unwritable = ["NaN", "nan", "Infinity", "-Infinity", "inf", "-inf"];
    let place = match after {
        Some(field) => format!("column {}, after {field}", error.column()),
        None => format!("column {}", error.column()),
    };
    if let Some(word) = unwritable.iter().find(|word| rest.starts_with(**word)) {
        return Refusal::of_row(
            format!("{word} at {place}"),
            "a finite number, or no field for a metric not known",
        );
    }
    let message = error.to_string();
    let reason = message.split(" at line ").next().unwrap_or(&message).to_owned();
    if reason.contains("out of range") {
        return Refusal::of_row(format!("a number too large at {place}"), "a finite number");
    }
    if reason.contains("expected a JSON object") {
        return Refusal::of_row(found_kind(error), "a JSON object");
    }
    Refusal::of_row(format!("what is not JSON at {place} ({reason})"), "one JSON object a line")
}
