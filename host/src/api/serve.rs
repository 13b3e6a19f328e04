//! Listening, and stopping so that nobody is cut off in the middle of an answer.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use axum_server::tls_rustls::RustlsAcceptor;
use axum_server::{Handle, Server};
use tokio::sync::watch;

use super::connections::Places;
use super::{Api, ServerSettings, router, tls};
use crate::service::Service;

/// Requests under way have so long to end.
const GRACE: Duration = Duration::from_secs(10);
/// From the connection's first byte to the end of the first request's head, and for a handshake of TLS.
const FIRST_REQUEST: Duration = Duration::from_secs(10);
/// For a later request's head; so a connection on which nobody asks anything is closed after it.
const NEXT_REQUEST: Duration = Duration::from_secs(60);
/// Between two signs of life on a connection of HTTP/2.
const PING: Duration = Duration::from_secs(20);
/// Requests at once on a connection of HTTP/2.
const STREAMS_MAX: u32 = 128;

/// Serves the service until `shutdown` is done. Calls `listening` once with the address that it got.
///
/// # Errors
/// The settings are wrong, the files of TLS cannot be used, or the address cannot be had.
pub async fn serve(
    service: Arc<Service>,
    settings: ServerSettings,
    shutdown: impl Future<Output = ()>,
    listening: impl FnOnce(SocketAddr),
) -> Result<()> {
    let problems = settings.problems();
    ensure!(problems.is_empty(), "{}", problems.join("\n"));
    let tls = settings.tls.as_ref().map(tls::configuration).transpose()?;
    let listener = TcpListener::bind(settings.listen)
        .with_context(|| format!("server.listen: {} cannot be listened on", settings.listen))?;
    let address = listener.local_addr().context("the address that is listened on is not known")?;
    let places = Places::new(settings.connections_max);
    let (stop, stopping) = watch::channel(false);
    let router = router(Api::new(service, settings, stopping)?);
    let server = axum_server::from_tcp(listener).context("the listener cannot be used")?;
    let handle = Handle::new();
    let server = tuned(server).handle(handle.clone());
    listening(address);
    let service = router.into_make_service();
    let mut serving: Pin<Box<dyn Future<Output = io::Result<()>> + Send>> = match tls {
        None => Box::pin(server.acceptor(places).serve(service)),
        Some(tls) => {
            let tls = RustlsAcceptor::new(tls).handshake_timeout(FIRST_REQUEST).acceptor(places);
            Box::pin(server.acceptor(tls).serve(service))
        }
    };
    tokio::select! {
        ended = &mut serving => return ended.context("the server ended"),
        () = shutdown => {}
    }
    tracing::info!("no more requests are taken; those under way have {} s", GRACE.as_secs());
    stop.send_replace(true);
    handle.graceful_shutdown(Some(GRACE));
    serving.await.context("the server ended")
}

fn tuned(server: Server<SocketAddr>) -> Server<SocketAddr> {
    let mut server = server.first_request_timeout(FIRST_REQUEST).accept_error_handler(
        |peer: Option<&SocketAddr>, error: &io::Error| match peer {
            Some(peer) => tracing::debug!(%peer, %error, "a connection was not taken"),
            None => tracing::warn!(%error, "no connection can be taken"),
        },
    );
    let builder = server.http_builder();
    builder.http1().keep_alive(true).header_read_timeout(NEXT_REQUEST);
    builder.http2().max_concurrent_streams(STREAMS_MAX).keep_alive_interval(PING).keep_alive_timeout(PING);
    server
}
