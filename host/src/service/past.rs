//! What actions may read of systems: the shards have it.

use std::sync::Arc;

use super::judges::Judges;
use crate::model::SharedNames;
use crate::outside::{History, Peer, Series};
use crate::time::Millis;

/// The metric by which systems are of one place.
const ZONE: &str = "zone";

/// The past, as far as it is kept.
pub(super) struct Past {
    pub(super) judges: Arc<Judges>,
    pub(super) metrics: SharedNames,
    pub(super) types: SharedNames,
}

impl History for Past {
    fn read(&self, system_id: &str, since: f64, limit: u32) -> Result<Vec<Series>, String> {
        let (id, metrics) = (system_id.to_owned(), self.metrics.clone());
        let since = Millis((since * 1e3) as i64);
        let answers = self.judges.ask(move |shard| {
            let system = shard.system(&id)?;
            let name = |metric: &crate::model::MetricId| metrics.name(metric.0).to_string();
            let new = |metric| Series { metric: name(metric), ..Series::default() };
            let mut series: Vec<Series> = system.metrics().iter().map(new).collect();
            let newest: Vec<_> =
                system.samples().rev().take_while(|(time, _)| *time >= since).take(limit as usize).collect();
            for (time, values) in newest.into_iter().rev() {
                for (series, value) in series.iter_mut().zip(values) {
                    series.times.push(time.seconds());
                    series.values.push(*value);
                }
            }
            Some(series)
        });
        answers.into_iter().flatten().next().ok_or_else(|| format!("there is no system {system_id}"))
    }

    fn peers(&self, system_id: &str, limit: u32) -> Vec<Peer> {
        let (id, zone) = (system_id.to_owned(), self.metrics.number(ZONE).ok());
        let zone_of = move |system: &crate::history::System| {
            let mut texts = system.latest_texts();
            texts.find(|(metric, _)| Some(metric.0) == zone).map(|(_, text)| text.to_owned())
        };
        let facts = self.judges.ask({
            let id = id.clone();
            move |shard| shard.system(&id).map(|system| (system.system_type, zone_of(system)))
        });
        let Some((system_type, zone)) = facts.into_iter().flatten().next() else { return Vec::new() };
        let types = self.types.clone();
        let found = self.judges.ask(move |shard| {
            let is_peer = |system: &&crate::history::System| {
                *system.id != *id
                    && (system.system_type == system_type || (zone.is_some() && zone_of(system) == zone))
            };
            let peer = |system: &crate::history::System| Peer {
                system_id: system.id.to_string(),
                system_type: types.name(system.system_type.0).to_string(),
            };
            shard.systems().all().iter().filter(is_peer).take(limit as usize).map(peer).collect::<Vec<_>>()
        });
        let mut peers: Vec<Peer> = found.into_iter().flatten().collect();
        peers.sort_by(|a, b| a.system_id.cmp(&b.system_id));
        peers.truncate(limit as usize);
        peers
    }
}
