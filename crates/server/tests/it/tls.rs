//! TLS on both addresses, with a certificate that the test makes for itself.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use proto::v1::ingest_ack::Status;
use proto::v1::ingest_client::IngestClient;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tonic::transport::Endpoint;

use crate::grpc::{batch, with_key};
use crate::harness::{Client, Options, Server, only_incident};

const PATIENCE: Duration = Duration::from_secs(60);

/// A server with a certificate of its own, and what a client needs in order to trust it.
fn secured() -> (Server, ClientConfig, tempfile::TempDir) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
    let made = made.expect("a certificate can be made");
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    fs::write(&cert, made.cert.pem()).expect("it can be written");
    fs::write(&key, made.signing_key.serialize_pem()).expect("it can be written");
    let words = ["--tls-cert".into(), cert.display().to_string(), "--tls-key".into()];
    let arguments = [&words[..], &[key.display().to_string()]].concat();
    let server = Server::start(Options { arguments, ..Options::default() });
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("it is a certificate");
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    (server, config, folder)
}

#[test]
fn https_and_grpcs_carry_signals_and_plain_text_gets_nothing() {
    let (server, config, _folder) = secured();
    let mut client = server.client().with_tls(Arc::new(config.clone()));
    let signal = json!({ "component": "over-https" });
    client.post("/v1/signals", &signal).expect_status(202);
    let mut plain = Client::new(server.http(), &server.key());
    assert!(plain.try_post("/v1/signals", b"{\"component\":\"plain\"}").is_err());

    let runtime = Runtime::new().expect("a runtime starts");
    let sent = runtime
        .block_on(async { tokio::time::timeout(PATIENCE, send_over_grpcs(&server, config)).await });
    sent.expect("it ends in time");
    only_incident(&mut client, "component=over-https");
    only_incident(&mut client, "component=over-grpcs");
}

async fn send_over_grpcs(server: &Server, mut config: ClientConfig) {
    config.alpn_protocols = vec![b"h2".to_vec()];
    let (connector, address) = (TlsConnector::from(Arc::new(config)), server.grpc());
    let connect = tower::service_fn(move |_uri: http::Uri| {
        let connector = connector.clone();
        async move {
            let name = ServerName::try_from("localhost").expect("it is a name");
            let stream = TcpStream::connect(address).await?;
            connector.connect(name, stream).await.map(TokioIo::new)
        }
    });
    // The scheme is plain because the connector does what TLS there is.
    let endpoint = Endpoint::from_static("http://localhost");
    let channel = endpoint.connect_with_connector(connect).await.expect("it listens");
    let one = tokio_stream::once(batch(1, 1, "over-grpcs"));
    let acks = IngestClient::new(channel).stream(with_key(one, &server.key())).await;
    let ack = acks.expect("the stream opens").into_inner().message().await;
    let ack = ack.expect("the stream is up").expect("there is an ack");
    assert_eq!(ack.status(), Status::Ok, "{ack:?}");
}
