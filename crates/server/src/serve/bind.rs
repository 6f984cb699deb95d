//! Binding: listeners and TLS, before any other work, so that a taken port costs nothing.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::Config;

/// Connections the kernel holds for us while we are busy.
const BACKLOG: u32 = 4_096;

/// Listeners, and how connections are secured.
pub(super) struct Bound {
    pub(super) http: TcpListener,
    pub(super) grpc: TcpListener,
    pub(super) tls: Option<TlsAcceptor>,
}

impl Bound {
    pub(super) async fn bind(config: &Config) -> anyhow::Result<Self> {
        let tls = match &config.tls {
            Some((cert, key)) => Some(acceptor(cert, key)?),
            None => None,
        };
        let http = listen("http", config.http)?;
        let grpc = listen("grpc", config.grpc)?;
        Ok(Self { http, grpc, tls })
    }

    pub(super) fn http_addr(&self) -> SocketAddr {
        self.http.local_addr().unwrap_or_else(|_| ([0, 0, 0, 0], 0).into())
    }

    /// Where this machine reaches HTTP: a listener on every address is on loopback too.
    pub(super) fn own_address(&self) -> String {
        let mut address = self.http_addr();
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() {
                Ipv4Addr::LOCALHOST.into()
            } else {
                Ipv6Addr::LOCALHOST.into()
            });
        }
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    }

    pub(super) fn grpc_addr(&self) -> SocketAddr {
        self.grpc.local_addr().unwrap_or_else(|_| ([0, 0, 0, 0], 0).into())
    }
}

fn listen(name: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let bound = socket.and_then(|socket| {
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    });
    bound.with_context(|| format!("{name}: cannot listen on {address}"))
}

pub(super) fn acceptor(cert: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .with_context(|| format!("tls.cert: cannot read certificates from {}", cert.display()))?;
    ensure!(!chain.is_empty(), "tls.cert: {} holds no certificate", cert.display());
    let key = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("tls.key: cannot read a private key from {}", key.display()))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("tls: the certificate and the key do not fit together")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
