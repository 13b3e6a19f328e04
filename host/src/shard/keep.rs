//! What is written down of a shard's systems, each on its own and in turn, so that no round waits for all of them.
//!
//! A system is written down as of the end of a round. After a crash it goes on from there: rounds of the journal that
//! are part of it already are passed over for it, and judged again for systems that were written down earlier.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use serde::{Deserialize, Serialize};

use super::owner::Shard;
use super::watched::Watched;
use crate::detections::{DecidingRow, Detection, Watch};
use crate::history::{Chunk, System, SystemIndex, SystemRecord, SystemWriting};
use crate::store::{StoreError, Table};

/// Chunks handed over at once after a restart, and how often that is done ahead of the shard that takes them.
const CHUNKS_TOGETHER: usize = 128;
const CHUNKS_AHEAD: usize = 16;

/// Where systems are kept, and how far behind they may be.
#[derive(Clone, Debug)]
pub struct Keeping {
    /// By system id.
    pub systems: Table<String, SystemState>,
    /// Samples, by the numbers that systems refer to.
    pub chunks: Table<u64, Chunk>,
    /// The number of the next chunk, whosever it will be.
    pub next_chunk: Arc<AtomicU64>,
    /// A system is written down at the latest when its shard has taken in so many samples since it changed. Bounds
    /// what a restart has to judge again.
    pub tail_rows: u64,
}

/// A system at the end of a round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SystemState {
    /// The round.
    pub round: u64,
    history: SystemRecord,
    watched: Vec<WatchedState>,
}

impl SystemState {
    /// The system without its samples.
    #[must_use]
    pub fn history(&self) -> &SystemRecord {
        &self.history
    }
}

/// A system under a rule's eye.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct WatchedState {
    rule_id: String,
    watch: Watch,
    /// The detection as JSON: its evidence is of open shape.
    detection: Option<Vec<u8>>,
    deciding: Vec<DecidingRow>,
}

/// A system to be written down: encoded where its state is, written where the order is.
#[derive(Debug)]
pub struct Kept {
    /// Which system.
    pub system_id: String,
    /// The record of the system.
    pub state: Vec<u8>,
    /// Samples that are new, and the number of their chunk.
    pub chunk: Option<(u64, Vec<u8>)>,
    /// Chunks that are no longer part of it.
    pub gone: Vec<u64>,
}

/// Which systems have changed since they were written down, in the order in which they did.
pub(super) struct Keeper {
    keeping: Keeping,
    waiting: VecDeque<Waiting>,
    rows: u64,
    /// Rounds up to this one may be part of some systems already. Rounds that are kept are numbered from 1.
    pub(super) known_through: u64,
    /// The last round.
    pub(super) round: u64,
}

struct Waiting {
    system: SystemIndex,
    /// The first round that is not written down.
    round: u64,
    at_row: u64,
}

impl Keeper {
    /// A system has changed in this round.
    pub(super) fn changed(&mut self, system: SystemIndex, mark: &mut crate::history::KeptMark, round: u64) {
        if !mark.waiting {
            mark.waiting = true;
            self.waiting.push_back(Waiting { system, round, at_row: self.rows });
        }
    }
}

impl Shard {
    /// Keeps what survives, and goes on with what did. `is_mine`: whether a system with this hash is this shard's.
    pub fn keep(&mut self, keeping: Keeping, is_mine: impl Fn(u64) -> bool) {
        let mut known_through = 0;
        let mut owners: HashMap<u64, SystemIndex, foldhash::fast::RandomState> = HashMap::default();
        for record in keeping.systems.iter() {
            match record {
                Ok((id, state)) => {
                    let id_hash = self.hash(&id);
                    if is_mine(id_hash) {
                        known_through = known_through.max(state.round);
                        self.restore(&id, id_hash, state, &mut owners);
                    }
                }
                Err(error) => tracing::error!(%error, "a system cannot be read and begins anew"),
            }
        }
        self.put_samples_back(&keeping, &owners);
        self.keeper =
            Some(Keeper { keeping, waiting: VecDeque::new(), rows: 0, known_through, round: known_through });
    }

    /// Reads all samples in the order in which they were written, on a thread of its own.
    fn put_samples_back(
        &mut self,
        keeping: &Keeping,
        owners: &HashMap<u64, SystemIndex, foldhash::fast::RandomState>,
    ) {
        let (read, chunks) = mpsc::sync_channel(CHUNKS_AHEAD);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let mut wanted = keeping.chunks.filtered(|number| owners.contains_key(number));
                loop {
                    let some: Vec<_> = wanted.by_ref().take(CHUNKS_TOGETHER).collect();
                    if some.is_empty() || read.send(some).is_err() {
                        break;
                    }
                }
            });
            for chunk in chunks.into_iter().flatten() {
                match chunk {
                    Ok((number, chunk)) => {
                        if let Some(&system) = owners.get(&number) {
                            self.systems.get_mut(system).put_back(&chunk);
                        }
                    }
                    Err(error) => tracing::error!(%error, "samples of a system cannot be read"),
                }
            }
        });
        self.systems.all_mut().iter_mut().for_each(System::complete);
    }

    fn restore(
        &mut self,
        id: &str,
        id_hash: u64,
        state: SystemState,
        owners: &mut HashMap<u64, SystemIndex, foldhash::fast::RandomState>,
    ) {
        let chunks = state.history.chunks.clone();
        let Ok(index) = self.systems.restore(id, id_hash, state.history, state.round) else {
            tracing::error!(system_id = id, "there is no room for a system that was kept");
            return;
        };
        owners.extend(chunks.iter().map(|chunk| (chunk.number, index)));
        for watched in state.watched {
            let Some(judge) = self.judges.iter_mut().find(|judge| *judge.rule.rule_id == *watched.rule_id)
            else {
                continue;
            };
            let read = |json: Vec<u8>| match serde_json::from_slice::<Detection>(&json) {
                Ok(detection) => Some(Box::new(detection)),
                Err(error) => {
                    tracing::error!(system_id = id, %error, "a detection cannot be read");
                    None
                }
            };
            let detection = watched.detection.and_then(read);
            judge.watched.insert(
                index,
                Watched { watch: watched.watch, detection, deciding: watched.deciding.into() },
            );
            self.systems.get_mut(index).watched_by += 1;
        }
        self.note_labels(index);
    }

    /// Notes that a system has changed in a round.
    pub(super) fn note_change(&mut self, system: SystemIndex, round: u64) {
        if let Some(keeper) = &mut self.keeper {
            keeper.changed(system, &mut self.systems.get_mut(system).kept, round);
        }
    }

    /// Writes down the systems whose turn it is. Returns them, and the round through which all are.
    pub(super) fn write_down(&mut self, round: u64, rows: usize, everything: bool) -> (Vec<Kept>, u64) {
        let Some(mut keeper) = self.keeper.take() else { return (Vec::new(), round) };
        keeper.rows += rows as u64;
        keeper.round = round;
        // Many systems change together; written down together, they would hold up the rounds that follow. So each round
        // takes its share of those that wait, and no more than that unless their time is up.
        let tail_rows = keeper.keeping.tail_rows;
        let share = (5 * keeper.waiting.len() as u64 * rows as u64).div_ceil(4 * tail_rows) as usize;
        let mut kept = Vec::new();
        while let Some(next) = keeper.waiting.front() {
            if !everything && kept.len() >= share && keeper.rows - next.at_row < tail_rows {
                break;
            }
            let system = next.system;
            keeper.waiting.pop_front();
            match self.state(&keeper.keeping, system, round) {
                Ok(state) => kept.push(state),
                Err(error) => tracing::error!(%error, "a system could not be written down"),
            }
        }
        let through = keeper.waiting.front().map_or(round, |next| next.round - 1);
        self.keeper = Some(keeper);
        (kept, through)
    }

    fn state(&mut self, keeping: &Keeping, index: SystemIndex, round: u64) -> Result<Kept, StoreError> {
        let mut watched = Vec::new();
        if self.systems.get(index).watched_by > 0 {
            for judge in &self.judges {
                if let Some(Watched { watch, detection, deciding }) = judge.watched.get(&index) {
                    let rule_id = judge.rule.rule_id.to_string();
                    let json = detection.as_ref().and_then(|detection| serde_json::to_vec(detection).ok());
                    let deciding = deciding.iter().cloned().collect();
                    watched.push(WatchedState { rule_id, watch: watch.clone(), detection: json, deciding });
                }
            }
        }
        let system = self.systems.get_mut(index);
        let system_id = system.id.to_string();
        let SystemWriting { record, chunk, gone } =
            system.keep(round, || keeping.next_chunk.fetch_add(1, Ordering::Relaxed));
        let state = keeping.systems.encode(&SystemState { round, history: record, watched })?;
        let encoded = |(number, chunk)| Ok::<_, StoreError>((number, keeping.chunks.encode(&chunk)?));
        Ok(Kept { system_id, state, chunk: chunk.map(encoded).transpose()?, gone })
    }
}
