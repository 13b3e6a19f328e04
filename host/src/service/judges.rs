//! The shards, for whoever asks: once they have judged what was taken in before the start.

use std::sync::{Condvar, Mutex};

use super::lock;
use crate::pipeline::Shards;
use crate::shard::Shard;

/// Those who judge. Samples are taken in before they are there; questions wait for them, because what was acknowledged
/// before the start shows in every answer after it.
#[derive(Default)]
pub(super) struct Judges {
    standing: Mutex<Standing>,
    changed: Condvar,
}

#[derive(Default)]
enum Standing {
    /// The shards bring histories back and judge the journal.
    #[default]
    CatchingUp,
    /// They have.
    Judging(Shards),
    /// The service is being stopped.
    Gone,
}

impl Judges {
    /// They have judged what was taken in before the start.
    pub(super) fn begin(&self, shards: Shards) {
        let mut standing = lock(&self.standing);
        if matches!(*standing, Standing::CatchingUp) {
            *standing = Standing::Judging(shards);
        }
        self.changed.notify_all();
    }

    /// Nothing more is asked.
    pub(super) fn end(&self) {
        *lock(&self.standing) = Standing::Gone;
        self.changed.notify_all();
    }

    /// Waits until what was taken in before the start is judged.
    pub(super) fn wait(&self) {
        drop(self.shards());
    }

    /// Asks every shard between two rounds; the answers come in the order of the shards. None come while the service is being
    /// stopped.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        question: impl Fn(&mut Shard) -> T + Send + Clone + 'static,
    ) -> Vec<T> {
        self.shards().map(|shards| shards.ask(question)).unwrap_or_default()
    }

    fn shards(&self) -> Option<Shards> {
        let mut standing = lock(&self.standing);
        loop {
            match &*standing {
                Standing::Judging(shards) => return Some(shards.clone()),
                Standing::Gone => return None,
                Standing::CatchingUp => {
                    standing = self.changed.wait(standing).unwrap_or_else(std::sync::PoisonError::into_inner);
                }
            }
        }
    }
}
