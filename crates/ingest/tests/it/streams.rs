//! The gRPC door over a real connection, and its decoder alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use expect_test::expect;
use ingest::{Door, IngestService, Media, grpc};
use model::Entry;
use proto::v1::ingest_ack::Status;
use proto::v1::ingest_client::IngestClient;
use proto::v1::{IngestAck, IngestBatch, Signal};
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Streaming};

use crate::house::{House, Ids, Mode, context, decode_entry, grant};

fn signal(component: &str) -> Signal {
    Signal { component: component.to_owned(), ..Signal::default() }
}

fn batch(batch_id: u64, signals: Vec<Signal>) -> IngestBatch {
    IngestBatch { batch_id, signals }
}

async fn serve(house: &House) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let service = IngestService::new(Arc::clone(&house.doors)).into_server();
    let server = Server::builder().add_service(service);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    address
}

async fn connect(address: SocketAddr) -> IngestClient<Channel> {
    IngestClient::connect(format!("http://{address}")).await.expect("a server")
}

/// A stream with a key: where batches go in and acks come out.
async fn open(
    house: &House,
    key: &str,
) -> Result<(mpsc::Sender<IngestBatch>, Streaming<IngestAck>), tonic::Status> {
    let mut client = connect(serve(house).await).await;
    let (batches, receiver) = mpsc::channel(64);
    let mut request = Request::new(ReceiverStream::new(receiver));
    request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    let acks = client.stream(request).await?.into_inner();
    Ok((batches, acks))
}

#[tokio::test]
async fn batches_are_acknowledged_in_order_with_their_verdicts() {
    let house = House::new();
    let (batches, mut acks) = open(&house, "secret").await.expect("let in");
    for id in 0..40 {
        let signals = vec![signal("db"), signal(""), signal("web")];
        batches.send(batch(id, signals)).await.expect("open");
    }
    drop(batches);
    for id in 0..40 {
        let ack = acks.message().await.expect("up").expect("an ack");
        assert_eq!((ack.batch_id, ack.status(), ack.accepted), (id, Status::Ok, 2));
        assert_eq!((ack.rejected[0].index, ack.ids.len()), (1, 2));
        assert_eq!(ack.rejected[0].code, "missing_component");
    }
    assert!(acks.message().await.expect("a clean end").is_none());
    assert_eq!(house.journal.records().len(), 80);
    assert_eq!(house.metrics.accepted(Door::Grpc), 80);
}

#[tokio::test]
async fn an_overload_is_said_in_band_and_the_stream_stays_up() {
    let house = House::new();
    let (batches, mut acks) = open(&house, "secret").await.expect("let in");
    let mut text = String::new();
    let modes = [Mode::Full, Mode::DiskFull, Mode::FailLater, Mode::Take];
    for (id, mode) in (0..).zip(modes) {
        house.journal.set(mode);
        batches.send(batch(id, vec![signal("db")])).await.expect("open");
        let ack = acks.message().await.expect("up").expect("an ack");
        let IngestAck { batch_id, accepted, retry_after_ms, message, .. } = &ack;
        let status = ack.status().as_str_name();
        writeln!(text, "{batch_id} {status} {accepted} {retry_after_ms} `{message}`").unwrap();
    }
    for (id, signals) in [(4, vec![]), (5, vec![signal("")])] {
        batches.send(batch(id, signals)).await.expect("open");
        let ack = acks.message().await.expect("up").expect("an ack");
        let (status, rejected) = (ack.status().as_str_name(), ack.rejected.len());
        writeln!(text, "{} {status} {rejected} rejected {}", ack.batch_id, ack.message).unwrap();
    }
    expect![[r#"
        0 STATUS_RESOURCE_EXHAUSTED 0 1000 `journal_full: the journal queue is full; try again`
        1 STATUS_UNAVAILABLE 0 1000 `disk_full: the journal's disk is full; nothing was taken`
        2 STATUS_UNAVAILABLE 0 1000 `journal_failed: the journal cannot make anything durable; nothing was acknowledged`
        3 STATUS_OK 1 0 ``
        4 STATUS_INVALID 0 rejected empty_batch: there is no signal in the batch
        5 STATUS_INVALID 1 rejected missing_component: `component` (or `component_id`, `service`) is required
    "#]].assert_eq(&text);
}

#[tokio::test]
async fn a_key_is_asked_for_and_may_be_revoked_meanwhile() {
    let house = House::new();
    let refused = open(&house, "wrong").await.expect_err("no such key");
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::Unauthenticated, "unknown_key: the key is not known")
    );
    let refused = open(&house, "reader").await.expect_err("no scope");
    assert_eq!(refused.code(), Code::PermissionDenied);
    let (batches, mut acks) = open(&house, "secret").await.expect("let in");
    house.keys.revoke("secret");
    batches.send(batch(1, vec![signal("db")])).await.expect("open");
    let ack = acks.message().await.expect("up").expect("an ack");
    assert_eq!(ack.status(), Status::Unauthenticated);
    assert!(house.journal.records().is_empty());
}

#[tokio::test]
async fn a_client_that_sends_ahead_is_held_back_not_refused() {
    let house = House::new();
    house.journal.set(Mode::Hold);
    let (batches, mut acks) = open(&house, "secret").await.expect("let in");
    for id in 0..10 {
        batches.send(batch(id, vec![signal("db")])).await.expect("open");
    }
    while house.journal.held() < 10 {
        tokio::task::yield_now().await;
    }
    house.journal.release();
    for id in 0..10 {
        assert_eq!(acks.message().await.expect("up").expect("an ack").batch_id, id);
    }
}

#[test]
fn fields_mean_the_same_as_in_json() {
    let sent = Signal {
        id: "018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7".to_owned(),
        component: "db".to_owned(),
        component_type: "rdbms".to_owned(),
        severity: "critical".to_owned(),
        labels: BTreeMap::from([("zone".to_owned(), "b".to_owned())]),
        payload: r#"{ "a": 1 }"#.into(),
        occurred_at_unix_nano: 1_795_179_600_000_000_999,
        links: vec!["https://x".to_owned()],
        ..Signal::default()
    };
    let (grant, ids) = (grant(), Ids::default());
    let context = context(&grant, &ids, Media::Json);
    let verdicts = grpc::decode(&batch(1, vec![sent]), context).expect("valid");
    let record = verdicts.records.iter().next().expect("one");
    let Entry::Signal { signal, .. } = decode_entry(record) else { panic!("a signal") };
    assert_eq!((&*signal.component, signal.severity.as_str(), signal.id_given), ("db", "P0", true));
    assert_eq!(&*signal.payload, br#"{ "a": 1 }"#);
    assert_eq!(signal.occurred_at.micros(), 1_795_179_600_000_000);
    assert_eq!(signal.label("zone"), Some("b"));
}

#[test]
fn a_payload_must_be_json() {
    let (grant, ids) = (grant(), Ids::default());
    let deep = "[".repeat(64) + &"]".repeat(64);
    let mut text = String::new();
    for payload in ["{}", " 1 ", "{", "1 2", &deep, "\0"] {
        let sent = Signal { payload: payload.to_owned().into(), ..signal("db") };
        let context = context(&grant, &ids, Media::Json);
        let verdicts = grpc::decode(&batch(1, vec![sent]), context).expect("a batch");
        let said = verdicts.rejections.first().map(|one| (one.code.as_str(), &*one.message));
        writeln!(text, "{said:?}").unwrap();
    }
    expect![[r#"
        None
        None
        Some(("invalid_payload", "`payload` must be JSON: expected a key in quotes at byte 1 (line 1, column 2)"))
        Some(("invalid_payload", "`payload` must be JSON: expected the end at byte 2 (line 1, column 3)"))
        Some(("json_too_deep", "`payload` is nested deeper than 63 levels"))
        Some(("invalid_payload", "`payload` must be JSON: expected a JSON value at byte 0 (line 1, column 1)"))
    "#]].assert_eq(&text);
}
