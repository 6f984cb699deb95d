//! Load over gRPC: a few streams, each with some batches on their way at once. Batches are encoded
//! once and sent as bytes, so that the generator costs little.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, ensure};
use bytes::BufMut;
use prost::Message;
use proto::v1::IngestAck;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataValue;
use tonic::transport::Endpoint;

use crate::bodies::Template;
use crate::closed::{Span, Tally};

/// Streams, each on a connection of its own.
const STREAMS: u64 = 2;
/// Batches of one stream that wait for their ack.
const AHEAD: usize = 16;
/// Different batches of one stream.
const POOL: u64 = 32;

/// Sends batches of `items` for a while and counts what is acknowledged.
pub(crate) fn run(
    address: SocketAddr,
    key: Option<&str>,
    items: u32,
    span: Span,
) -> anyhow::Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let from = Instant::now() + span.warm_up;
    let until = from + span.length;
    runtime.block_on(async {
        let mut streams = Vec::new();
        for stream in 0..STREAMS {
            let now_us = jiff::Timestamp::now().as_microsecond();
            let first = stream * POOL * u64::from(items);
            let pool: Vec<_> = (0..POOL)
                .map(|batch| Template::batch(first + batch * u64::from(items), items, now_us))
                .collect();
            streams.push(tokio::spawn(send(address, key.map(str::to_owned), pool, (from, until))));
        }
        let mut whole = Tally::new();
        for stream in streams {
            let part = stream.await??;
            whole.taken += part.taken;
            whole.shed += part.shed;
            whole.latencies.merge(&part.latencies);
        }
        whole.seconds = span.length.as_secs_f64();
        Ok(whole)
    })
}

async fn send(
    address: SocketAddr,
    key: Option<String>,
    mut pool: Vec<Template>,
    (from, until): (Instant, Instant),
) -> anyhow::Result<Tally> {
    let channel = Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true);
    let channel = channel.initial_stream_window_size(1 << 20).connect().await?;
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.context("the channel is not ready")?;
    let (sender, batches) = mpsc::channel(AHEAD);
    let mut request = tonic::Request::new(ReceiverStream::new(batches));
    if let Some(key) = key {
        let value: MetadataValue<_> = format!("Bearer {key}").parse()?;
        request.metadata_mut().insert("authorization", value);
    }
    let path = http::uri::PathAndQuery::from_static("/stormbell.v1.Ingest/Stream");
    let answer = client.streaming(request, path, Encoded);
    let mut tally = Tally::new();
    let mut sent = std::collections::VecDeque::new();
    let mut next = 0;
    let mut submit = |sent: &mut std::collections::VecDeque<Instant>| {
        let batch = pool[next % POOL as usize].stamp().to_vec();
        next += 1;
        sent.push_back(Instant::now());
        sender.try_send(batch).context("there is room for as many as wait")
    };
    submit(&mut sent)?;
    let mut acks = answer.await?.into_inner();
    while sent.len() < AHEAD {
        submit(&mut sent)?;
    }
    while let Some(ack) = acks.message().await? {
        let now = Instant::now();
        let took = now - sent.pop_front().context("an ack nobody waits for")?;
        if now >= until {
            return Ok(tally);
        }
        ensure!(ack.rejected.is_empty(), "signals were rejected: {:?}", ack.rejected.first());
        let is_ok = ack.status() == proto::v1::ingest_ack::Status::Ok;
        ensure!(is_ok || ack.retry_after_ms > 0, "a batch was refused: {}", ack.message);
        if now >= from {
            tally.count(if is_ok { 202 } else { 503 }, ack.accepted, took);
        }
        submit(&mut sent)?;
    }
    anyhow::bail!("the stream ended early")
}

/// Batches that are encoded already; acks are decoded.
struct Encoded;

impl Codec for Encoded {
    type Encode = Vec<u8>;
    type Decode = IngestAck;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Encoded {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, batch: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&batch);
        Ok(())
    }
}

impl Decoder for Encoded {
    type Item = IngestAck;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<IngestAck>, Status> {
        IngestAck::decode(from).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
