//! TLS from PEM files, with ring.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsFiles;

/// Whether these files can be used.
///
/// # Errors
/// They cannot be read, are not what they should be, or do not go together.
pub fn check(files: &TlsFiles) -> Result<()> {
    configuration(files).map(drop)
}

/// What the server shows and speaks.
pub(super) fn configuration(files: &TlsFiles) -> Result<RustlsConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut configuration = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS cannot be set up")?
        .with_no_client_auth()
        .with_single_cert(certificates(&files.certificate)?, key(&files.key)?)
        .with_context(|| {
            let (certificate, key) = (files.certificate.display(), files.key.display());
            format!("server.tls: the certificate {certificate} and the key {key} do not go together")
        })?;
    configuration.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(configuration)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let about = || format!("server.tls.certificate: {} cannot be read", path.display());
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .with_context(about)?
        .collect::<Result<_, _>>()
        .with_context(about)?;
    ensure!(
        !found.is_empty(),
        "server.tls.certificate: found no certificate in {}, expected PEM with BEGIN CERTIFICATE",
        path.display()
    );
    Ok(found)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(path).with_context(|| {
        format!(
            "server.tls.key: found no private key in {}, expected PEM with BEGIN PRIVATE KEY, not encrypted",
            path.display()
        )
    })
}
