//! The gRPC address: the stream door, health, reflection, and ten thousand damaged messages.

use std::time::Duration;

use bytes::{Buf, BufMut};
use prost::Message;
use proto::v1::ingest_ack::Status;
use proto::v1::ingest_client::IngestClient;
use proto::v1::{IngestAck, IngestBatch, Signal};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Code, Request, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1 as reflection;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::harness::{Given, Options, Random, Server, only_incident, signal_ids, text, uuid};
use crate::mutations::{BODIES, damage};

const SERVICE: &str = "stormbell.v1.Ingest";
/// Nothing here takes as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// One batch of so many signals about a component, with ids of their own.
pub(crate) fn batch(batch_id: u64, signals: u64, component: &str) -> IngestBatch {
    let signals = (0..signals).map(|number| Signal {
        id: uuid(batch_id, number),
        component: component.to_owned(),
        severity: "P1".to_owned(),
        ..Signal::default()
    });
    IngestBatch { batch_id, signals: signals.collect() }
}

/// A request with a key on it.
pub(crate) fn with_key<T>(message: T, key: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {key}").parse().expect("a key is a header");
    request.metadata_mut().insert("authorization", value);
    request
}

fn in_time<T>(future: impl Future<Output = T>) -> T {
    let runtime = Runtime::new().expect("a runtime starts");
    let ended = runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await });
    ended.expect("it ends in time")
}

async fn connect(server: &Server) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{}", server.grpc()));
    endpoint.expect("it is an address").connect().await.expect("it listens")
}

/// An open stream: where batches go in, and where acks come out.
async fn open(server: &Server, key: &str) -> (mpsc::Sender<IngestBatch>, Streaming<IngestAck>) {
    let mut client = IngestClient::new(connect(server).await);
    let (sender, batches) = mpsc::channel(64);
    let request = with_key(ReceiverStream::new(batches), key);
    let acks = client.stream(request).await.expect("the stream opens").into_inner();
    (sender, acks)
}

async fn next(acks: &mut Streaming<IngestAck>) -> IngestAck {
    acks.message().await.expect("the stream is up").expect("the stream goes on")
}

#[test]
fn a_stream_acknowledges_its_batches_in_order_and_what_it_acknowledged_is_there() {
    let mut server = Server::start(Options::default());
    in_time(async {
        let (sender, mut acks) = open(&server, &server.key()).await;
        let sending = tokio::spawn(async move {
            for number in 1..=200 {
                let batch = batch(number, 50, "db");
                sender.send(batch).await.expect("the stream is up");
            }
            sender
        });
        for number in 1..=200 {
            let ack = next(&mut acks).await;
            assert_eq!((ack.batch_id, ack.status()), (number, Status::Ok), "{ack:?}");
            assert_eq!((ack.accepted, ack.duplicates, ack.rejected.len()), (50, 0, 0));
        }
        // A batch that is all wrong is said so, and the stream stays up.
        let sender = sending.await.expect("it was sent");
        sender.send(IngestBatch { batch_id: 201, signals: Vec::new() }).await.expect("it is up");
        assert_eq!(next(&mut acks).await.status(), Status::Invalid);
        let mut mixed = batch(202, 2, "db");
        mixed.signals[0].severity = "terrible".to_owned();
        sender.send(mixed).await.expect("it is up");
        let ack = next(&mut acks).await;
        assert_eq!((ack.status(), ack.accepted), (Status::Ok, 1));
        assert_eq!((ack.rejected[0].index, &*ack.rejected[0].code), (0, "invalid_severity"));
        drop(sender);
        assert!(acks.message().await.expect("it ends well").is_none(), "the stream ends");
    });
    server.kill9();
    server.restart();
    let mut client = server.client();
    let incident = only_incident(&mut client, "component=db");
    assert_eq!(incident["signal_count"], 10_001);
    assert_eq!(signal_ids(&mut client, &text(&incident["id"])).len(), 10_001);
}

#[test]
fn a_wrong_key_does_not_open_a_stream_and_a_revoked_one_is_told_in_band() {
    let server = Server::start(Options::default());
    let body = serde_json::json!({ "name": "stream", "scopes": ["ingest"] });
    let made = server.client().post("/v1/keys", &body).expect_status(201).json();
    in_time(async {
        let mut client = IngestClient::new(connect(&server).await);
        for (key, code) in [("sb_nobody", Code::Unauthenticated), ("", Code::Unauthenticated)] {
            let one = tokio_stream::once(batch(1, 1, "db"));
            let refused = client.stream(with_key(one, key)).await.expect_err("it is refused");
            assert_eq!(refused.code(), code, "{refused:?}");
        }
        let (sender, mut acks) = open(&server, &text(&made["key"])).await;
        sender.send(batch(2, 1, "db")).await.expect("it is up");
        assert_eq!(next(&mut acks).await.status(), Status::Ok);
        let path = format!("/v1/keys/{}", text(&made["id"]));
        let revoked = server.client().send("DELETE", &path, &Given::default());
        assert!(revoked.expect("the server answers").status < 300);
        sender.send(batch(3, 1, "db")).await.expect("it is up");
        let ack = next(&mut acks).await;
        assert_eq!((ack.batch_id, ack.status()), (3, Status::Unauthenticated), "{ack:?}");
        assert!(ack.message.starts_with("revoked_key"), "{ack:?}");
    });
    let incident = only_incident(&mut server.client(), "component=db");
    assert_eq!(incident["signal_count"], 1);
}

#[test]
fn health_and_reflection_answer_as_tools_expect() {
    let server = Server::start(Options::default());
    in_time(async {
        let channel = connect(&server).await;
        let mut health = HealthClient::new(channel.clone());
        for service in ["", SERVICE] {
            let request = HealthCheckRequest { service: service.to_owned() };
            let answer = health.check(request).await.expect("it answers").into_inner();
            assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
        }
        let mut client = ServerReflectionClient::new(channel);
        let question = reflection::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let answers = client.server_reflection_info(tokio_stream::once(question)).await;
        let answer = answers.expect("it answers").into_inner().next().await;
        let answer = answer.expect("there is an answer").expect("it is no error");
        let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
            panic!("not a list of services: {answer:?}");
        };
        let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
        for name in [SERVICE, "grpc.health.v1.Health"] {
            assert!(names.contains(&name), "{name} is listed: {names:?}");
        }
    });
}

#[test]
fn an_open_stream_does_not_hold_a_stop_up_for_ever() {
    let mut server = Server::start(Options::default());
    let runtime = Runtime::new().expect("a runtime starts");
    let (sender, mut acks) = runtime.block_on(async {
        let (sender, mut acks) = open(&server, &server.key()).await;
        sender.send(batch(1, 1, "db")).await.expect("it is up");
        assert_eq!(next(&mut acks).await.status(), Status::Ok);
        (sender, acks)
    });
    server.terminate();
    // The client sees an end and not an acknowledgement.
    let last = runtime.block_on(async { tokio::time::timeout(PATIENCE, acks.message()).await });
    assert!(!matches!(last.expect("it ends"), Ok(Some(_))));
    drop(sender);
}

/// Sends bytes as they are where a message should be.
#[derive(Clone, Copy, Default)]
struct AsItIs;

impl Codec for AsItIs {
    type Encode = Vec<u8>;
    type Decode = IngestAck;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for AsItIs {
    type Item = Vec<u8>;
    type Error = tonic::Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for AsItIs {
    type Item = IngestAck;
    type Error = tonic::Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<IngestAck>, tonic::Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        let ack = IngestAck::decode(bytes);
        ack.map(Some).map_err(|error| tonic::Status::data_loss(error.to_string()))
    }
}

/// What became of one damaged message.
async fn throw(channel: Channel, body: Vec<u8>, key: &str) -> Result<IngestAck, tonic::Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.expect("the connection is up");
    let path = "/stormbell.v1.Ingest/Stream".parse().expect("it is a path");
    let request = with_key(tokio_stream::once(body), key);
    let mut acks = client.streaming(request, path, AsItIs).await?.into_inner();
    let ack = acks.message().await?;
    ack.ok_or_else(|| tonic::Status::data_loss("a batch without an ack"))
}

#[test]
fn ten_thousand_damaged_messages_are_answered_and_change_nothing_for_others() {
    let mut server = Server::start(Options::default());
    let good = [batch(1, 3, "db").encode_to_vec(), batch(2, 1, "é").encode_to_vec()];
    let good: Vec<_> = good.iter().map(Vec::as_slice).collect();
    let key = server.key();
    let (mut taken, mut refused) = (0, 0);
    in_time(async {
        let channel = connect(&server).await;
        let mut random = Random::new(11);
        for _ in 0..BODIES / 16 {
            let bodies: Vec<_> = (0..16).map(|_| damage(&mut random, &good)).collect();
            let mut thrown = tokio::task::JoinSet::new();
            for body in bodies {
                let (channel, key) = (channel.clone(), key.clone());
                thrown.spawn(async move { throw(channel, body, &key).await });
            }
            while let Some(answer) = thrown.join_next().await {
                match answer.expect("no sender panics") {
                    Ok(ack) if ack.status() == Status::Ok => taken += 1,
                    Ok(ack) => {
                        assert_eq!(ack.status(), Status::Invalid, "{ack:?}");
                        refused += 1;
                    }
                    // What is no message at all ends its stream, as gRPC has it.
                    Err(status) => {
                        assert_eq!(status.code(), Code::Internal, "{status:?}");
                        refused += 1;
                    }
                }
            }
        }
    });
    assert!(taken > 100 && refused > 1_000, "{taken} taken, {refused} refused");
    assert!(server.is_running());
    let after = serde_json::json!({ "component": "after" });
    server.client().post("/v1/signals", &after).expect_status(202);
    assert_eq!(server.metric("stormbell_invariant_violations_total"), 0.0);
}
