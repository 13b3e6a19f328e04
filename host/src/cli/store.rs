//! `lapwing store`: a store that no server has open.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};

use super::Exit;
use crate::service::Export;
use crate::store::Store;

/// The arguments of `lapwing store`.
#[derive(Debug, Args)]
pub(super) struct StoreCommand {
    /// The store
    #[arg(long, value_name = "DIR", env = "LAPWING_DATA_DIR", default_value = "lapwing-data", global = true)]
    data_dir: PathBuf,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Copy it into a new directory (a running server copies its own: POST /api/v1/store/backup)
    Backup {
        /// The new directory
        directory: PathBuf,
    },
    /// Read every record
    Verify,
    /// Make an admin token, when every other one is lost; it is shown once
    AdminToken,
    /// Write it as NDJSON to standard output
    Export {
        /// What of it
        what: Exported,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Exported {
    /// The samples kept of every system, as `replay` reads them
    Samples,
    /// Every detection
    Detections,
    /// Every event
    Events,
    /// Who changed what
    Audit,
}

impl StoreCommand {
    pub(super) fn run(&self) -> Result<Exit> {
        anyhow::ensure!(self.data_dir.is_dir(), "there is no store in {}", self.data_dir.display());
        let store = Store::open(&self.data_dir, 64 << 20)?;
        match &self.what {
            What::Backup { directory } => {
                let records = store.backup(directory, &[])?;
                println!("{records} records copied to {}", directory.display());
            }
            What::Verify => {
                println!("{:<20} {:>10} {:>14}", "table", "records", "bytes");
                for (name, records, bytes) in crate::service::verify(&store)? {
                    println!("{name:<20} {records:>10} {bytes:>14}");
                }
                println!("every record can be read");
            }
            What::AdminToken => println!("{}", crate::service::rescue_token(&store)?.as_str()),
            What::Export { what } => {
                let what = match what {
                    Exported::Samples => Export::Samples,
                    Exported::Detections => Export::Detections,
                    Exported::Events => Export::Events,
                    Exported::Audit => Export::Audit,
                };
                let mut out = BufWriter::new(std::io::stdout().lock());
                crate::service::export(&store, what, |line| {
                    serde_json::to_writer(&mut out, &line)?;
                    out.write_all(b"\n")
                })??;
                out.flush()?;
            }
        }
        Ok(Exit::Done)
    }
}
