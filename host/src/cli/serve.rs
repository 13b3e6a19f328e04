//! `lapwing serve`: the server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{Exit, Setup};
use crate::access::Principal;
use crate::service::{Opened, Service};

/// The arguments of `lapwing serve`.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    setup: Setup,
    /// Where everything is kept [default: lapwing-data, or store.directory]
    #[arg(long, value_name = "DIR", env = "LAPWING_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Address to listen on; port 0 takes any that is free [default: 127.0.0.1:7400, or server.listen]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Write the first admin token to this file instead of showing it
    #[arg(long, value_name = "FILE", env = "LAPWING_ADMIN_TOKEN_FILE")]
    admin_token_file: Option<PathBuf>,
}

impl Serve {
    pub(super) fn run(&self) -> Result<Exit> {
        anyhow::ensure!(
            self.setup.plugin.is_empty(),
            "serve takes no --plugin: put the component into the plugin folder, or push it"
        );
        let mut config = self.setup.config()?;
        if let Some(directory) = &self.data_dir {
            config.store.directory.clone_from(directory);
        }
        if let Some(listen) = self.listen {
            config.server.listen = listen;
        }
        let problems = config.problems();
        anyhow::ensure!(problems.is_empty(), "{}", problems.join("; "));
        // Compiled code lies beside what it was compiled from, where nothing else writes.
        let cache = self.setup.cache_dir.clone().unwrap_or_else(|| config.store.directory.join("compiled"));
        let sandbox = self.setup.sandbox_with(&cache)?;
        let settings = config.server.clone();
        let Opened { service, refused, first_token } =
            Service::open(sandbox, config, self.setup.config.clone())?;
        for refusal in &refused {
            eprintln!("lapwing: refused: {refusal}");
        }
        if let Some(token) = first_token
            && let Err(error) = self.hand_over(token.as_str())
        {
            // Nobody has it: the next start makes another one.
            service.forget_first_token()?;
            service.close()?;
            return Err(error);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let served = runtime.block_on(async {
            reload_on_hangup(Arc::clone(&service))?;
            let listening = |address: SocketAddr| {
                let scheme = if settings.tls.is_some() { "https" } else { "http" };
                eprintln!("lapwing: listening on {scheme}://{address}");
            };
            let stopped = stop_signal()?;
            crate::api::serve(Arc::clone(&service), settings.clone(), stopped, listening).await
        });
        tracing::info!("writing down what is under way");
        service.close()?;
        served.map(|()| Exit::Done)
    }

    /// Shows the first token once, or puts it where only its owner can read it.
    fn hand_over(&self, token: &str) -> Result<()> {
        let Some(file) = &self.admin_token_file else {
            eprintln!("lapwing: admin token (shown once): {token}");
            return Ok(());
        };
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let mut options = std::fs::OpenOptions::new();
        let opened = options.write(true).create(true).truncate(true).mode(0o600).open(file);
        opened
            .and_then(|mut file| writeln!(file, "{token}"))
            .with_context(|| format!("the admin token cannot be written to {}", file.display()))
    }
}

/// Ends when the process is asked to.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// SIGHUP reads the configuration anew.
fn reload_on_hangup(service: Arc<Service>) -> Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let service = Arc::clone(&service);
            let reloaded =
                tokio::task::spawn_blocking(move || service.reload(&Principal::local("SIGHUP"))).await;
            match reloaded {
                Ok(Ok(changed)) => tracing::info!(?changed, "the configuration was read anew"),
                Ok(Err(error)) => tracing::error!(%error, "the configuration stays as it was"),
                Err(error) => tracing::error!(%error, "the configuration could not be read anew"),
            }
        }
    });
    Ok(())
}
