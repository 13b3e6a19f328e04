//! The command itself: a file of NDJSON to detections and a summary, default configuration, one shard.

use std::io::{BufWriter, Write};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::{cpu, fleet};

const SYSTEMS: usize = 1000;
const SAMPLES_EACH: usize = 1000;

/// What the run showed.
pub(crate) struct Whole {
    /// Samples per second of CPU time, all threads together.
    pub(crate) rate: f64,
}

pub(crate) fn ndjson_to_detections() -> anyhow::Result<Whole> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("samples.ndjson");
    let mut writer = BufWriter::new(std::fs::File::create(&file)?);
    for line in fleet::lines(SYSTEMS, SAMPLES_EACH) {
        writeln!(writer, "{line}")?;
    }
    writer.into_inner().context("the file could not be written")?;
    let run = || -> anyhow::Result<f64> {
        let before = cpu::of_children();
        let status = Command::new(env!("CARGO_BIN_EXE_lapwing"))
            .arg("replay")
            .arg(&file)
            .arg("--detections")
            .arg(folder.path().join("detections.ndjson"))
            .arg("--cache-dir")
            .arg(folder.path().join("cache"))
            .stderr(Stdio::null())
            .status()?;
        anyhow::ensure!(status.success(), "the replay ended with {status}");
        let spent = cpu::of_children() - before;
        Ok((SYSTEMS * SAMPLES_EACH) as f64 / spent.as_secs_f64())
    };
    run()?;
    Ok(Whole { rate: run()? })
}
