//! What an action may read of systems. The service has it.

/// One metric of a system.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Its name.
    pub metric: String,
    /// Seconds since the Unix epoch, ascending.
    pub times: Vec<f64>,
    /// As many values; NaN: the sample lacks it.
    pub values: Vec<f64>,
}

/// Another system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its id.
    pub system_id: String,
    /// Its type.
    pub system_type: String,
}

/// Reads the past of systems. Both calls may block; they are made on threads where that does no harm.
pub trait History: Send + Sync {
    /// Every numeric metric of a system from `since` on (seconds since the Unix epoch), at most `limit` samples, the
    /// newest.
    ///
    /// # Errors
    /// There is no such system, in words.
    fn read(&self, system_id: &str, since: f64, limit: u32) -> Result<Vec<Series>, String>;

    /// Other systems of the same type or the same zone, at most `limit`.
    fn peers(&self, system_id: &str, limit: u32) -> Vec<Peer>;
}

/// No past at all: for where nothing is run.
pub struct NoHistory;

impl History for NoHistory {
    fn read(&self, system_id: &str, _since: f64, _limit: u32) -> Result<Vec<Series>, String> {
        Err(format!("there is no system {system_id}"))
    }

    fn peers(&self, _system_id: &str, _limit: u32) -> Vec<Peer> {
        Vec::new()
    }
}
