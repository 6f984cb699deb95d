//! Whose certificates are believed: those the machine believes, and those the operator adds.
//!
//! The cryptography is named here for each client; nothing is installed for the whole process.

use std::sync::Arc;

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::ClientError;

/// TLS for HTTP, believing the machine's roots and `extra_roots` (PEM).
///
/// # Errors
/// One of `extra_roots` is not a certificate.
pub(crate) fn configuration(extra_roots: &[Vec<u8>]) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(%error, "cannot read some of the machine's root certificates");
    }
    roots.add_parsable_certificates(native.certs);
    for pem in extra_roots {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| ClientError::Root)?;
            roots.add(certificate).map_err(|_| ClientError::Root)?;
        }
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| ClientError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}
