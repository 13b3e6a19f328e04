//! The body of a request: one sample, an array of them, or one a line; told apart by how it begins.

use std::fmt;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::batch::SampleBatch;
use super::decode::Decoder;
use super::refusal::Refusal;
use crate::limits::LINE_BYTES_MAX;
use crate::time::Millis;

/// A row of a body that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRow {
    /// From 1: the element of the array, or the line that is not blank.
    pub row: u64,
    /// What was wrong with it.
    pub refusal: Refusal,
}

/// What a body held.
#[derive(Debug, Default)]
pub struct BodyRows {
    /// The good rows.
    pub samples: SampleBatch,
    /// The first of the others, at most as many as were asked for.
    pub refused: Vec<RefusedRow>,
    /// How many there were.
    pub refused_count: u64,
    rows: u64,
    refusals_kept: usize,
}

impl BodyRows {
    /// Reads a body. Rows later than `latest_possible` are refused; `refusals_kept` refusals are kept word for word.
    #[must_use]
    pub fn read(body: &[u8], decoder: &mut Decoder, latest_possible: Millis, refusals_kept: usize) -> Self {
        let mut rows = Self { refusals_kept, ..Self::default() };
        let body = body.trim_ascii();
        let first_line = body.split(|&byte| byte == b'\n').next().unwrap_or_default();
        match body.first() {
            None => {
                rows.refuse(Refusal::of_row("an empty body", "a sample, an array of samples, or one a line"));
            }
            Some(b'[') => rows.array(body, decoder, latest_possible),
            Some(b'{') if !first_line.trim_ascii_end().ends_with(b"}") => {
                rows.row(body, decoder, latest_possible);
            }
            Some(_) => {
                for line in body.split(|&byte| byte == b'\n') {
                    let line = line.trim_ascii();
                    if !line.is_empty() {
                        rows.row(line, decoder, latest_possible);
                    }
                }
            }
        }
        rows
    }

    fn array(&mut self, body: &[u8], decoder: &mut Decoder, latest_possible: Millis) {
        let mut json = serde_json::Deserializer::from_slice(body);
        let read =
            json.deserialize_seq(Elements { rows: self, decoder, latest_possible }).and_then(|()| json.end());
        if let Err(error) = read {
            self.refuse(Refusal::of_row(
                format!("an array that is not JSON: {error}"),
                "an array of samples",
            ));
        }
    }

    fn row(&mut self, row: &[u8], decoder: &mut Decoder, latest_possible: Millis) {
        if row.len() > LINE_BYTES_MAX {
            let found = format!("{} bytes", row.len());
            return self.refuse(Refusal::of_row(found, format!("at most {LINE_BYTES_MAX} bytes")));
        }
        if let Err(refusal) = decoder.decode(row, &mut self.samples) {
            return self.refuse(refusal);
        }
        let time = self.samples.sample(self.samples.len() - 1).time;
        if time > latest_possible {
            self.samples.pop();
            return self.refuse(Refusal::too_late(time, latest_possible));
        }
        self.rows += 1;
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.rows += 1;
        self.refused_count += 1;
        if self.refused.len() < self.refusals_kept {
            self.refused.push(RefusedRow { row: self.rows, refusal });
        }
    }
}

/// The elements of an array, each as its own text, so that one bad one spoils only itself.
struct Elements<'a> {
    rows: &'a mut BodyRows,
    decoder: &'a mut Decoder,
    latest_possible: Millis,
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of samples")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element::<&RawValue>()? {
            self.rows.row(element.get().as_bytes(), self.decoder, self.latest_possible);
        }
        Ok(())
    }
}
