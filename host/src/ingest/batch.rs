//! Decoded samples, in the order of their lines, in a handful of flat buffers.

use serde::{Deserialize, Serialize};

use crate::model::{IdHasher, MetricId, TypeId, hash_id};
use crate::time::Millis;

/// Samples without an allocation of their own: names by number, values and texts in shared buffers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SampleBatch {
    headers: Vec<Header>,
    values: Vec<(MetricId, f64)>,
    texts: Vec<(MetricId, Span)>,
    /// Ids and text values, one after the other.
    text: String,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Span {
    begin: u32,
    end: u32,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Header {
    system_id: Span,
    /// Of this process; computed anew when a batch is read back.
    #[serde(skip)]
    id_hash: u64,
    system_type: TypeId,
    time: Millis,
    values_end: u32,
    texts_end: u32,
}

/// One sample of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    batch: &'a SampleBatch,
    row: usize,
    /// Which system sent it.
    pub system_id: &'a str,
    /// The id's hash, by the decoder's hasher.
    pub id_hash: u64,
    /// What the system is.
    pub system_type: TypeId,
    /// When the sample was taken, by the sender's clock.
    pub time: Millis,
}

impl Sample<'_> {
    /// Whether it carries nothing: it says that the system lives, and no more.
    #[must_use]
    #[inline]
    pub fn is_bare(&self) -> bool {
        self.values().is_empty() && self.texts().next().is_none()
    }
}

impl SampleBatch {
    /// How many samples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.headers.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    /// The sample at `row`.
    ///
    /// # Panics
    /// `row` is not below [`len`](Self::len).
    #[must_use]
    #[inline]
    pub fn sample(&self, row: usize) -> Sample<'_> {
        let header = &self.headers[row];
        Sample {
            batch: self,
            row,
            system_id: self.slice(header.system_id),
            id_hash: header.id_hash,
            system_type: header.system_type,
            time: header.time,
        }
    }

    fn slice(&self, span: Span) -> &str {
        self.text.get(span.begin as usize..span.end as usize).unwrap_or_default()
    }

    /// Adds a metric to the sample that is being written.
    pub(super) fn push_value(&mut self, metric: MetricId, value: f64) {
        self.values.push((metric, value));
    }

    /// Adds a text to the sample that is being written.
    pub(super) fn push_text(&mut self, metric: MetricId, text: &str) {
        let span = self.keep(text);
        self.texts.push((metric, span));
    }

    /// Ends the sample that was being written.
    pub(super) fn finish(&mut self, system_id: &str, id_hash: u64, system_type: TypeId, time: Millis) {
        let system_id = self.keep(system_id);
        let (values_end, texts_end) = (self.values.len() as u32, self.texts.len() as u32);
        self.headers.push(Header { system_id, id_hash, system_type, time, values_end, texts_end });
    }

    /// Adds the samples of another batch.
    pub fn append(&mut self, other: &Self) {
        let (values, texts, text) =
            (self.values.len() as u32, self.texts.len() as u32, self.text.len() as u32);
        let shifted = |span: Span| Span { begin: span.begin + text, end: span.end + text };
        self.headers.extend(other.headers.iter().map(|header| Header {
            system_id: shifted(header.system_id),
            values_end: header.values_end + values,
            texts_end: header.texts_end + texts,
            ..*header
        }));
        self.values.extend_from_slice(&other.values);
        self.texts.extend(other.texts.iter().map(|&(metric, span)| (metric, shifted(span))));
        self.text.push_str(&other.text);
    }

    /// Computes the hashes of ids, which are not kept when a batch is written.
    pub fn rehash(&mut self, hasher: &IdHasher) {
        for row in 0..self.headers.len() {
            self.headers[row].id_hash = hash_id(hasher, self.slice(self.headers[row].system_id));
        }
    }

    /// Takes the last sample back.
    pub(crate) fn pop(&mut self) {
        self.headers.pop();
        self.abandon();
    }

    /// Forgets the sample that was being written.
    pub(super) fn abandon(&mut self) {
        let (values_end, texts_end) = self.ends(self.headers.len());
        self.values.truncate(values_end);
        self.texts.truncate(texts_end);
    }

    fn keep(&mut self, text: &str) -> Span {
        let begin = self.text.len() as u32;
        self.text.push_str(text);
        Span { begin, end: self.text.len() as u32 }
    }

    /// Where the values and texts of the first `rows` samples end.
    fn ends(&self, rows: usize) -> (usize, usize) {
        match rows.checked_sub(1).and_then(|last| self.headers.get(last)) {
            Some(header) => (header.values_end as usize, header.texts_end as usize),
            None => (0, 0),
        }
    }
}

impl<'a> Sample<'a> {
    /// The numbers of the sample; booleans are 1 and 0.
    #[must_use]
    #[inline]
    pub fn values(&self) -> &'a [(MetricId, f64)] {
        let begin = self.batch.ends(self.row).0;
        &self.batch.values[begin..self.batch.headers[self.row].values_end as usize]
    }

    /// The texts of the sample, `health_status` among them.
    pub fn texts(&self) -> impl Iterator<Item = (MetricId, &'a str)> {
        let begin = self.batch.ends(self.row).1;
        let batch = self.batch;
        let texts = &batch.texts[begin..batch.headers[self.row].texts_end as usize];
        texts.iter().map(|&(metric, span)| (metric, batch.slice(span)))
    }
}
