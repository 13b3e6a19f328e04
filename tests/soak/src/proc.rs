//! What Linux tells of a process.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Ticks of a second in `/proc/PID/stat`; fixed by the kernel's interface to user space.
const TICKS: f64 = 100.0;
/// Bytes of a page where Lapwing is measured.
const PAGE: u64 = 4096;

/// Resident memory of a process, in bytes.
///
/// # Errors
/// The process is gone, or this is not Linux.
pub(crate) fn rss_bytes(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/statm");
    let text = fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
    let pages = text.split(' ').nth(1).and_then(|field| field.parse::<u64>().ok());
    Ok(pages.with_context(|| format!("{path} is of another form: {text:?}"))? * PAGE)
}

/// Time on the processor that a process has used, all threads, user and system.
///
/// # Errors
/// The process is gone, or this is not Linux.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
    // The name in parentheses may hold spaces; what follows it does not.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_secs_f64(ticks as f64 / TICKS))
}

/// The slope of a line through points, by least squares; 0 of fewer than two.
pub(crate) fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let (x_mean, y_mean) =
        (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let covariance: f64 = points.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum();
    let variance: f64 = points.iter().map(|(x, _)| (x - x_mean).powi(2)).sum();
    if variance > 0.0 { covariance / variance } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_has_used_time() {
        assert!(rss_bytes(std::process::id()).unwrap() > 100_000);
        cpu_time(std::process::id()).unwrap();
    }

    #[test]
    fn a_line_has_its_own_slope() {
        let line: Vec<_> = (0..10).map(|x| (f64::from(x), 3.0 + 2.0 * f64::from(x))).collect();
        assert!((slope(&line) - 2.0).abs() < 1e-9);
        assert!(slope(&line[..1]).abs() < 1e-9);
    }
}
