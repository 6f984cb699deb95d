//! TLS: whose certificates are believed.

use std::sync::Arc;

use delivery::ChannelOptions;
use delivery::channel::SentOutcome;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

use crate::messages::{channels, channels_with, opened, options, send};
use crate::servers::http::{Behaviour, Server};

/// A certificate for `name`: its PEM, the PEM of its key, and an acceptor.
pub(crate) fn certificate(name: &str) -> (String, String, TlsAcceptor) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([name.to_owned()]).unwrap();
    let (pem, key_pem) = (cert.pem(), signing_key.serialize_pem());
    let certificates = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).unwrap();
    let provider = Arc::new(crypto::ring::default_provider());
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .unwrap();
    (pem, key_pem, TlsAcceptor::from(Arc::new(tls)))
}

#[tokio::test]
async fn a_root_that_the_operator_adds_is_believed_and_no_other() {
    let (pem, _, acceptor) = certificate("localhost");
    let always = Behaviour::Always(200, Vec::new(), Vec::new());
    let server = Server::start_with(always, Some(acceptor)).await;
    let config = json!({"url": server.named_url("/hook")});

    let strangers = send(&channels(), "webhook", &config, &opened()).await;
    assert_eq!(strangers.outcome, SentOutcome::Retry { after: None });
    assert!(server.seen().is_empty());

    let believing = ChannelOptions { extra_roots: vec![pem.into_bytes()], ..options() };
    let sent = send(&channels_with(believing), "webhook", &config, &opened()).await;
    assert_eq!(sent.outcome, SentOutcome::Delivered, "{}", sent.answer);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_believed() {
    let (pem, _, acceptor) = certificate("other.example");
    let always = Behaviour::Always(200, Vec::new(), Vec::new());
    let server = Server::start_with(always, Some(acceptor)).await;
    let believing = ChannelOptions { extra_roots: vec![pem.into_bytes()], ..options() };
    let config = json!({"url": server.named_url("/hook")});
    let sent = send(&channels_with(believing), "webhook", &config, &opened()).await;
    assert_eq!(sent.outcome, SentOutcome::Retry { after: None });
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_from_tls_into_the_open_is_refused() {
    let (pem, _, acceptor) = certificate("localhost");
    let open = Server::start(Behaviour::Always(200, Vec::new(), Vec::new())).await;
    let away = Behaviour::Redirect(307, open.named_url("/x"));
    let server = Server::start_with(away, Some(acceptor)).await;
    let believing = ChannelOptions { extra_roots: vec![pem.into_bytes()], ..options() };
    let config = json!({"url": server.named_url("/hook")});
    let sent = send(&channels_with(believing), "webhook", &config, &opened()).await;
    assert_eq!(sent.outcome, SentOutcome::Refused);
    assert!(open.seen().is_empty());
}
