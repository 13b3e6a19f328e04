//! Readings of the machine that the demo runs on.

use std::path::Path;
use std::time::Instant;

use sysinfo::{DiskRefreshKind, Disks, Networks, System};

/// The machine, and what is needed to see how much it does between two readings.
pub(super) struct Machine {
    system: System,
    disks: Disks,
    networks: Networks,
    last_read: Instant,
}

/// What the machine is; does not change while the demo runs.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) host_name: String,
    pub(super) os: String,
    pub(super) cores: usize,
    pub(super) memory_bytes: u64,
}

/// What the machine did since the reading before, and where it stands. What cannot be read is missing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    pub(super) cpu_usage_percent: Option<f64>,
    pub(super) memory_usage_percent: Option<f64>,
    /// Of the disk that holds the working directory.
    pub(super) disk_usage_percent: Option<f64>,
    pub(super) received_bytes_per_s: Option<f64>,
    pub(super) sent_bytes_per_s: Option<f64>,
    /// Runnable processes, averaged over a minute.
    pub(super) load_1m: f64,
    pub(super) uptime_s: f64,
}

impl Machine {
    /// Takes the first reading, from which the next one counts.
    pub(super) fn new() -> Self {
        let mut system = System::new();
        system.refresh_cpu_usage();
        system.refresh_memory();
        let disks = Disks::new_with_refreshed_list_specifics(DiskRefreshKind::nothing().with_storage());
        Self { system, disks, networks: Networks::new_with_refreshed_list(), last_read: Instant::now() }
    }

    pub(super) fn identity(&self) -> Identity {
        Identity {
            host_name: System::host_name().unwrap_or_else(|| "this-machine".to_owned()),
            os: System::long_os_version().unwrap_or_else(|| "unknown operating system".to_owned()),
            cores: self.system.cpus().len(),
            memory_bytes: self.system.total_memory(),
        }
    }

    pub(super) fn read(&mut self) -> Reading {
        let seconds = self.last_read.elapsed().as_secs_f64();
        self.last_read = Instant::now();
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        self.networks.refresh(true);
        let rate = |bytes: u64| (seconds > 0.0).then(|| bytes as f64 / seconds);
        let of_networks = |count: fn(&sysinfo::NetworkData) -> u64| self.networks.values().map(count).sum();
        Reading {
            cpu_usage_percent: (!self.system.cpus().is_empty())
                .then(|| f64::from(self.system.global_cpu_usage())),
            memory_usage_percent: percent(self.system.used_memory(), self.system.total_memory()),
            received_bytes_per_s: rate(of_networks(sysinfo::NetworkData::received)),
            sent_bytes_per_s: rate(of_networks(sysinfo::NetworkData::transmitted)),
            disk_usage_percent: self.disk_usage_percent(),
            load_1m: System::load_average().one,
            uptime_s: System::uptime() as f64,
        }
    }

    /// Only this one disk is asked: another one may be a network's, and slow to answer.
    fn disk_usage_percent(&mut self) -> Option<f64> {
        let here = std::env::current_dir().ok()?;
        let holds_here = |mount: &Path| here.starts_with(mount);
        let disks = self.disks.list_mut().iter_mut().filter(|disk| holds_here(disk.mount_point()));
        let disk = disks.max_by_key(|disk| disk.mount_point().components().count())?;
        disk.refresh_specifics(DiskRefreshKind::nothing().with_storage());
        percent(disk.total_space().saturating_sub(disk.available_space()), disk.total_space())
    }
}

fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}
