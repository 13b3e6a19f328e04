//! A second look before the alarm: the host knocks at systems that are silent while their detections are held back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::Shared;
use super::delivery::Crew;
use crate::detections::ProbeEvidence;
use crate::limits::PROBES_UNDER_WAY;
use crate::outside::{Door, OutsideError};
use crate::time::Millis;
use crate::vanished::Suspect;

/// The share of the time for which a detection is held back that an answer may take: what was found is to be in it.
const PATIENCE: f64 = 0.9;

/// Sends probes out, and brings back what they find.
#[derive(Clone)]
pub(super) struct Prober {
    shared: Arc<Shared>,
    crew: Arc<Crew>,
    runtime: Handle,
    under_way: Arc<Semaphore>,
}

impl Prober {
    pub(super) fn new(shared: Arc<Shared>, crew: Arc<Crew>, runtime: Handle) -> Self {
        Self { shared, crew, runtime, under_way: Arc::new(Semaphore::new(PROBES_UNDER_WAY)) }
    }

    /// Knocks at those for which there is a probe. Does not wait for them.
    pub(super) fn look_at(&self, suspects: Vec<Suspect>) {
        let catalog = self.shared.catalog();
        for suspect in suspects {
            let Some(probe) = catalog.config.probe(&suspect.system_id, &suspect.system_type) else {
                continue;
            };
            let within = Duration::try_from_secs_f64(probe.timeout_s.min(PATIENCE * suspect.waits_s));
            let door = probe.target.door(&suspect.system_id).ok_or_else(|| probe.target.to_string());
            let this = self.clone();
            self.runtime.spawn(async move {
                let found = match door {
                    Ok(door) => this.knock(&door, within.unwrap_or_default()).await,
                    Err(target) => {
                        let refusal = "refused: the system's id makes no host name";
                        found(target, Err(refusal.to_owned()), Duration::ZERO)
                    }
                };
                let noted = tokio::task::spawn_blocking(move || this.note(&suspect, found)).await;
                if let Err(error) = noted {
                    tracing::error!(%error, "what a probe found could not be noted");
                }
            });
        }
    }

    async fn knock(&self, door: &Door, within: Duration) -> ProbeEvidence {
        let begun = Instant::now();
        let answer = match (self.under_way.try_acquire(), &self.crew.means.load().http) {
            (Ok(_permit), Some(http)) => door.knock(http, within).await.map_err(|error| error.to_string()),
            (Err(_), _) => Err(format!("not tried: {PROBES_UNDER_WAY} probes were under way")),
            (_, None) => Err(OutsideError::Refused("HTTPS could not be set up".to_owned()).to_string()),
        };
        found(door.to_string(), answer, begun.elapsed())
    }

    fn note(&self, suspect: &Suspect, found: ProbeEvidence) {
        tracing::debug!(system = suspect.system_id, target = found.target, result = found.result, "probed");
        // It is kept with the detection once that is told; after a crash before that, the host knocks again.
        super::lock(&self.shared.desk).vanished.probed(suspect.detection_id, found);
    }
}

fn found(target: String, answer: Result<String, String>, took: Duration) -> ProbeEvidence {
    let (answered, result) = (answer.is_ok(), answer.unwrap_or_else(|error| error));
    ProbeEvidence { target, answered, result, took_ms: took.as_secs_f64() * 1e3, at: Millis::now() }
}
