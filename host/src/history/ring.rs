//! The last samples of one system, a row of memory each.

use super::record::Chunk;
use crate::time::Millis;

/// Rows allocated at first; doubled until the limit is reached.
const ROWS_FIRST: usize = 16;

/// The last `rows_max` rows of a system, and physically one more: the row that has just left is still readable, which
/// is when windows take it out of their sums.
#[derive(Debug)]
pub(super) struct Ring {
    rows_max: usize,
    width: usize,
    /// Rows that fit before the ring grows, at most `rows_max + 1`.
    capacity: usize,
    /// The number of the row that comes next; rows are numbered from 0 over the system's life.
    end: u64,
    /// Rows before this are gone for a reason other than age in rows.
    floor: u64,
    /// Where `end` will be written.
    end_slot: usize,
    /// What `offsets` count from. A history spans at most 49 days, the range of an offset.
    epoch: Millis,
    /// Milliseconds since `epoch`, by slot.
    offsets: Vec<u32>,
    /// `width` values a row, by slot; NaN is missing.
    values: Vec<f64>,
}

impl Ring {
    pub(super) fn new(rows_max: usize, width: usize) -> Self {
        Self {
            rows_max,
            width,
            capacity: 0,
            end: 0,
            floor: 0,
            end_slot: 0,
            epoch: Millis(0),
            offsets: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Room for the rows from `begin` on, of which there are so many; they are [put back](Self::put_back) in order.
    pub(super) fn restored(rows_max: usize, width: usize, begin: u64, rows: usize) -> Self {
        let capacity = (rows.min(rows_max) + 1).next_power_of_two().min(rows_max + 1);
        Self {
            capacity,
            end: begin,
            floor: begin,
            // Filled as far as rows are put back; only then is there memory to be touched.
            offsets: vec![0; capacity],
            values: Vec::with_capacity(capacity * width),
            ..Self::new(rows_max, width)
        }
    }

    /// Puts the next rows back, as they were written down.
    pub(super) fn put_back(&mut self, chunk: &Chunk) {
        let narrow = usize::from(chunk.width);
        if narrow > self.width || chunk.values.len() != chunk.times.len() * narrow {
            return;
        }
        let known = (self.floor.max(self.end)).saturating_sub(chunk.first) as usize;
        let mut row = vec![f64::NAN; self.width];
        for (place, &time) in chunk.times.iter().enumerate().skip(known) {
            if self.end == self.floor {
                self.epoch = time;
            }
            let values = &chunk.values[place * narrow..(place + 1) * narrow];
            let begin = self.end_slot * self.width;
            if narrow == self.width && begin == self.values.len() {
                self.values.extend_from_slice(values);
                self.stamp(time);
            } else {
                row[..narrow].copy_from_slice(values);
                self.values.resize(self.values.len().max(begin + self.width), f64::NAN);
                self.push(time, &row);
            }
        }
    }

    /// Every row has been put back.
    pub(super) fn complete(&mut self) {
        self.values.resize(self.capacity * self.width, f64::NAN);
    }

    /// The rows `first..end`, of those that are kept, to be written down.
    pub(super) fn chunk(&self, first: u64, end: u64) -> Chunk {
        let rows = first.max(self.begin())..end;
        Chunk {
            first: rows.start,
            width: self.width as u16,
            times: rows.clone().map(|row| self.time(row)).collect(),
            values: rows.flat_map(|row| self.row(row).iter().copied()).collect(),
        }
    }

    /// The number of the oldest row kept.
    #[inline]
    pub(super) fn begin(&self) -> u64 {
        self.end.saturating_sub(self.rows_max as u64).max(self.floor)
    }

    /// One more than the number of the newest row.
    #[inline]
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// When the row was taken.
    #[inline]
    pub(super) fn time(&self, row: u64) -> Millis {
        Millis(self.epoch.0 + i64::from(self.offsets[self.slot(row)]))
    }

    /// The values of a row.
    #[inline]
    pub(super) fn row(&self, row: u64) -> &[f64] {
        let begin = self.slot(row) * self.width;
        &self.values[begin..begin + self.width]
    }

    /// Where a row lies; it must be kept, or be the one that has just left.
    #[inline]
    fn slot(&self, row: u64) -> usize {
        let back = (self.end - row) as usize;
        if back <= self.end_slot { self.end_slot - back } else { self.end_slot + self.capacity - back }
    }

    /// Appends a row. Says whether rows were dropped that windows may still count.
    pub(super) fn push(&mut self, time: Millis, values: &[f64]) -> bool {
        if self.end == self.floor && self.end == self.begin() {
            self.epoch = time;
        }
        let dropped = self.make_room_in_time(time);
        if (self.end - self.physical_begin()) as usize == self.capacity {
            self.grow();
        }
        let begin = self.end_slot * self.width;
        self.values[begin..begin + self.width].copy_from_slice(values);
        self.offsets[self.end_slot] = (time.0 - self.epoch.0) as u32;
        self.advance();
        dropped
    }

    /// The row whose values lie at the end has this time.
    fn stamp(&mut self, time: Millis) {
        self.make_room_in_time(time);
        self.offsets[self.end_slot] = (time.0 - self.epoch.0) as u32;
        self.advance();
    }

    fn advance(&mut self) {
        self.end += 1;
        self.end_slot = if self.end_slot + 1 == self.capacity { 0 } else { self.end_slot + 1 };
    }

    /// Puts a row in its place before newer ones. Windows must be rebuilt.
    pub(super) fn insert(&mut self, time: Millis, values: &[f64]) -> u64 {
        let mut place = self.end;
        while place > self.begin() && self.time(place - 1) > time {
            place -= 1;
        }
        let newest = self.end.checked_sub(1).map_or(time, |newest| self.time(newest));
        self.push(newest.max(time), values);
        self.make_room_in_time(time);
        let place = place.max(self.begin());
        for row in (place + 1..self.end).rev() {
            let (to, from) = (self.slot(row), self.slot(row - 1));
            self.offsets[to] = self.offsets[from];
            self.values.copy_within(from * self.width..(from + 1) * self.width, to * self.width);
        }
        let slot = self.slot(place);
        self.offsets[slot] = (time.0 - self.epoch.0).clamp(0, i64::from(u32::MAX)) as u32;
        self.values[slot * self.width..(slot + 1) * self.width].copy_from_slice(values);
        place
    }

    /// Whether a kept row has this time, `back` rows from the newest at the most.
    pub(super) fn has_time(&self, time: Millis) -> bool {
        (self.begin()..self.end)
            .rev()
            .map(|row| self.time(row))
            .take_while(|&kept| kept >= time)
            .any(|kept| kept == time)
    }

    /// Makes every row `width` values wide; the new ones are missing.
    pub(super) fn widen(&mut self, width: usize) {
        let mut values = vec![f64::NAN; self.capacity * width];
        for (new, old) in values.chunks_exact_mut(width).zip(self.values.chunks_exact(self.width.max(1))) {
            new[..self.width].copy_from_slice(old);
        }
        self.values = values;
        self.width = width;
    }

    /// Reads a little of the rows that the next sample concerns, to have them near: where it will lie, the oldest one
    /// beside that, and the one that leaves a window of ten.
    pub(super) fn touch(&self) -> f64 {
        let next = self.end_slot * self.width;
        let tenth = self
            .end
            .checked_sub(10)
            .filter(|&row| row >= self.begin())
            .map_or(0, |row| self.slot(row) * self.width);
        let places = [next, next + self.width, next + 2 * self.width, tenth, tenth + self.width];
        let values: f64 = places.iter().filter_map(|&place| self.values.get(place)).sum();
        values + f64::from(self.offsets.get(self.end_slot).copied().unwrap_or(0))
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.offsets.capacity() * size_of::<u32>() + self.values.capacity() * size_of::<f64>()
    }

    /// The oldest row that is still in memory.
    fn physical_begin(&self) -> u64 {
        self.end.saturating_sub(self.capacity as u64)
    }

    /// Moves the epoch where `time` would not fit its offset, letting go of rows that no longer do.
    fn make_room_in_time(&mut self, time: Millis) -> bool {
        let offset = time.0 - self.epoch.0;
        if (0..=i64::from(u32::MAX)).contains(&offset) {
            return false;
        }
        let rows = self.physical_begin().max(self.floor)..self.end;
        let times: Vec<(u64, Millis)> = rows.map(|row| (row, self.time(row))).collect();
        let newest = times.iter().map(|&(_, time)| time).max().unwrap_or(time).max(time);
        let oldest_allowed = Millis(newest.0 - i64::from(u32::MAX));
        let kept = times.iter().map(|&(_, time)| time).filter(|&time| time >= oldest_allowed);
        self.epoch = kept.min().unwrap_or(time).min(time).max(oldest_allowed);
        for (row, time) in times {
            let slot = self.slot(row);
            if time < self.epoch {
                self.floor = row + 1;
                self.offsets[slot] = 0;
            } else {
                self.offsets[slot] = (time.0 - self.epoch.0) as u32;
            }
        }
        true
    }

    fn grow(&mut self) {
        let limit = self.rows_max + 1;
        if self.capacity == limit {
            return;
        }
        let capacity = (self.capacity * 2).clamp(ROWS_FIRST.min(limit), limit);
        let mut offsets = Vec::with_capacity(capacity);
        let mut values = Vec::with_capacity(capacity * self.width);
        for row in self.physical_begin()..self.end {
            offsets.push(self.offsets[self.slot(row)]);
            values.extend_from_slice(self.row(row));
        }
        self.end_slot = offsets.len();
        offsets.resize(capacity, 0);
        values.resize(capacity * self.width, f64::NAN);
        (self.offsets, self.values, self.capacity) = (offsets, values, capacity);
    }
}
