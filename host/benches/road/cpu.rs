//! CPU time, read from the kernel's own accounts.

use std::fs;
use std::time::Duration;

/// CPU time of all live threads of this process (`schedstat`, nanoseconds).
pub(crate) fn of_threads() -> Duration {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let spent = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(spent.sum())
}

/// CPU time of all child processes that have ended (`stat`, in ticks of 10 ms).
pub(crate) fn of_children() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name in parentheses, fields 3 and on; cutime and cstime are fields 16 and 17.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(13).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Runs `work` a few times and gives the median of its own measurements.
pub(crate) fn median(runs: usize, mut work: impl FnMut() -> f64) -> f64 {
    let mut values: Vec<f64> = (0..runs).map(|_| work()).collect();
    values.sort_by(f64::total_cmp);
    values[runs / 2]
}
