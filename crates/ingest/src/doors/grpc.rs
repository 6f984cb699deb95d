//! The door gRPC `stormbell.v1.Ingest/Stream`: batches in, one ack per batch out, in order.
//!
//! Decoding is pure and shares its rules with the JSON door. Batches are appended as they arrive and
//! acknowledged as they become durable, so a client that sends ahead waits for no round trip. An
//! overload, a bad batch or a key that was revoked meanwhile is said in the ack; the stream stays up.

use std::borrow::Cow;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Waker, Poll};

use http::StatusCode;
use model::{Grant, limits};
use proto::v1::ingest_ack::{Rejected, Status as AckStatus};
use proto::v1::ingest_server::{Ingest, IngestServer};
use proto::v1::{IngestAck, IngestBatch};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status, Streaming};

use crate::batch::{Batch, Fault, Rejection};
use crate::code::Code;
use crate::context::Context;
use crate::credential;
use crate::doors::{Door, Doors};
use crate::draft::{Draft, Field, Moment};
use crate::json::Cursor;
use crate::media::Media;
use crate::mint::Mint;
use crate::problem::Problem;
use crate::queue::Ticket;
use crate::validate::Rules;

/// Batches of one stream that may be on their way into the journal at once.
const BATCHES_AHEAD: usize = 16;
/// Room for the record of one signal; more is taken where it is needed.
const TYPICAL_BYTES: usize = 512;

/// The gRPC service.
#[derive(Clone)]
pub struct IngestService {
    doors: Arc<Doors>,
}

/// Judges every signal of a batch.
///
/// # Errors
/// The batch as a whole is empty or has too many signals.
pub fn decode(batch: &IngestBatch, context: Context<'_>) -> Result<Batch, Problem> {
    if batch.signals.is_empty() {
        return Err(Problem::new(Code::EmptyBatch, "there is no signal in the batch"));
    }
    if batch.signals.len() > limits::BATCH_SIGNALS {
        return Err(Problem::too_many_signals());
    }
    let mut mint = context.mint;
    let rules = Rules { now: context.now, grant: context.grant };
    let mut verdicts = Batch::with_room_for(batch.signals.len() * TYPICAL_BYTES);
    for (index, signal) in (0..).zip(&batch.signals) {
        let mut draft = draft(signal);
        let ids = &mut verdicts.ids;
        let judged = rules.signal(&mut draft, || {
            let id = mint.next();
            ids.push(id);
            (id, false)
        });
        match judged {
            Ok(signal) => verdicts.signal(context.grant.project, context.applied, signal),
            Err(fault) => {
                let id = Some(signal.id.as_str()).filter(|id| !id.is_empty());
                verdicts.reject(index, id, fault);
            }
        }
    }
    Ok(verdicts)
}

/// A signal of the wire as a draft; what is empty was not given.
fn draft(signal: &proto::v1::Signal) -> Draft<'_> {
    let mut draft = Draft::default();
    draft.may_hold_nul = true;
    let texts = [
        (Field::Id, &signal.id),
        (Field::Component, &signal.component),
        (Field::ComponentType, &signal.component_type),
        (Field::Kind, &signal.kind),
        (Field::Severity, &signal.severity),
        (Field::Source, &signal.source),
        (Field::Environment, &signal.environment),
        (Field::Status, &signal.status),
        (Field::Summary, &signal.summary),
        (Field::TraceId, &signal.trace_id),
        (Field::ErrorCode, &signal.error_code),
        (Field::IncidentId, &signal.incident_id),
    ];
    for (field, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        draft.set(field, Cow::Borrowed(text));
    }
    if signal.occurred_at_unix_nano != 0 {
        draft.set_moment(Moment::Nanoseconds(signal.occurred_at_unix_nano));
    }
    let labels = signal.labels.iter().take(limits::LABELS + 1);
    draft.labels =
        labels.map(|(name, value)| (name.as_str().into(), value.as_str().into())).collect();
    draft.links = signal.links.iter().take(limits::LINKS + 1).map(Into::into).collect();
    match check_json(&signal.payload) {
        Ok(()) => draft.payload = &signal.payload,
        Err(fault) => draft.fail(fault),
    }
    draft
}

/// Refuses a payload that is not one JSON value, or is nested too deeply.
fn check_json(payload: &[u8]) -> Result<(), Fault> {
    if payload.is_empty() {
        return Ok(());
    }
    let not_json =
        |why: String| Fault::new(Code::InvalidPayload, format!("`payload` must be JSON: {why}"));
    let text = std::str::from_utf8(payload).map_err(|failure| not_json(failure.to_string()))?;
    let mut cursor = Cursor::new(text);
    let raw = cursor.raw().and_then(|raw| cursor.end("the end").map(|()| raw));
    let raw = raw.map_err(|failure| not_json(failure.describe(text)))?;
    if raw.depth >= limits::JSON_DEPTH {
        let message = format!("`payload` is nested deeper than {} levels", limits::JSON_DEPTH - 1);
        return Err(Fault::new(Code::JsonTooDeep, message));
    }
    Ok(())
}

impl IngestService {
    /// The service in front of the same journal as the HTTP doors.
    #[must_use]
    pub fn new(doors: Arc<Doors>) -> Self {
        Self { doors }
    }

    /// The service for a tonic router, with the limits of a batch and the compressions spoken.
    #[must_use]
    pub fn into_server(self) -> IngestServer<Self> {
        IngestServer::new(self)
            .max_decoding_message_size(limits::BATCH_BYTES)
            .accept_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Zstd)
            .send_compressed(CompressionEncoding::Gzip)
    }
}

#[tonic::async_trait]
impl Ingest for IngestService {
    type StreamStream = Acks;

    async fn stream(
        &self,
        request: Request<Streaming<IngestBatch>>,
    ) -> Result<Response<Acks>, Status> {
        let peer = request.remote_addr().map(|address| address.ip());
        let key = credential::in_headers(request.metadata().as_ref()).map(Cow::into_owned);
        let stream = Sender { doors: Arc::clone(&self.doors), key, peer };
        stream.authenticate().map_err(|problem| refuse_stream(&problem))?;
        let (pending, acks) = mpsc::channel(BATCHES_AHEAD);
        tokio::spawn(stream.take_all(request.into_inner(), pending));
        Ok(Response::new(Acks { pending: acks, current: None }))
    }
}

/// One client's stream.
struct Sender {
    doors: Arc<Doors>,
    key: Option<String>,
    peer: Option<IpAddr>,
}

impl Sender {
    /// Takes batches until the client, or whoever reads the acks, is gone.
    async fn take_all(
        self,
        mut batches: Streaming<IngestBatch>,
        pending: mpsc::Sender<Result<Pending, Status>>,
    ) {
        loop {
            let next = match batches.message().await {
                Ok(Some(batch)) => Ok(self.take(&batch)),
                Ok(None) => return,
                Err(status) => Err(status),
            };
            let is_last = next.is_err();
            if pending.send(next).await.is_err() || is_last {
                return;
            }
        }
    }

    fn take(&self, batch: &IngestBatch) -> Pending {
        let (verdicts, ticket) = match self.submit(batch) {
            Ok((verdicts, ticket)) => (Ok(verdicts), ticket),
            Err(problem) => (Err(problem), None),
        };
        Pending { batch_id: batch.batch_id, verdicts, ticket, doors: Arc::clone(&self.doors) }
    }

    fn submit(&self, batch: &IngestBatch) -> Result<(Batch, Option<Ticket>), Problem> {
        let now = self.doors.now();
        self.doors.check_room()?;
        let grant = self.authenticate()?;
        self.doors.check_rate(&grant, self.peer, now)?;
        let context = Context {
            now,
            grant: &grant,
            applied: self.doors.applied(),
            mint: Mint::random(now),
            media: Media::Json,
            idempotency_key: None,
            claim: Default::default(),
        };
        let mut verdicts = decode(batch, context)?;
        self.doors.charge(&grant, self.peer, now, verdicts.items());
        let ticket = match verdicts.worst {
            Some(worst) => Some(self.doors.submit(&mut verdicts, worst)?),
            None if verdicts.is_all_rejected() => return Err(Problem::all_rejected(verdicts)),
            None => None,
        };
        Ok((verdicts, ticket))
    }

    /// Asked again for every batch, so that a key that is revoked stops working at once.
    fn authenticate(&self) -> Result<Arc<Grant>, Problem> {
        self.doors.authenticate(self.key.as_deref(), self.peer, self.doors.now())
    }
}

/// The acks of one stream, in the order of the batches.
pub struct Acks {
    pending: mpsc::Receiver<Result<Pending, Status>>,
    current: Option<Pending>,
}

/// A batch that was judged and may still be on its way into the journal.
struct Pending {
    batch_id: u64,
    verdicts: Result<Batch, Problem>,
    ticket: Option<Ticket>,
    doors: Arc<Doors>,
}

impl Stream for Acks {
    type Item = Result<IngestAck, Status>;

    fn poll_next(mut self: Pin<&mut Self>, waker: &mut Waker<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(mut pending) = self.current.take() {
                if pending.poll_durable(waker).is_pending() {
                    self.current = Some(pending);
                    return Poll::Pending;
                }
                return Poll::Ready(Some(Ok(pending.into_ack())));
            }
            match self.pending.poll_recv(waker) {
                Poll::Ready(Some(Ok(pending))) => self.current = Some(pending),
                Poll::Ready(Some(Err(status))) => return Poll::Ready(Some(Err(status))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl Pending {
    fn poll_durable(&mut self, waker: &mut Waker<'_>) -> Poll<()> {
        if let Some(ticket) = &mut self.ticket {
            match Pin::new(ticket).poll(waker) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(problem)) => self.verdicts = Err(problem),
                Poll::Pending => return Poll::Pending,
            }
            self.ticket = None;
        }
        Poll::Ready(())
    }

    fn into_ack(self) -> IngestAck {
        let metrics = self.doors.metrics();
        match self.verdicts {
            Ok(batch) => {
                metrics.count_batch(Door::Grpc, &batch);
                IngestAck { status: AckStatus::Ok.into(), ..verdicts(self.batch_id, Some(batch)) }
            }
            Err(problem) => {
                metrics.count_refusal(Door::Grpc, problem.code, problem.batch.as_deref());
                refusal(self.batch_id, problem)
            }
        }
    }
}

fn verdicts(batch_id: u64, batch: Option<Batch>) -> IngestAck {
    let batch = batch.unwrap_or_default();
    IngestAck {
        batch_id,
        accepted: batch.accepted,
        duplicates: batch.duplicates,
        rejected: batch.rejections.into_iter().map(rejected).collect(),
        ids: batch.ids.iter().map(ToString::to_string).collect(),
        ..IngestAck::default()
    }
}

fn rejected(rejection: Rejection) -> Rejected {
    Rejected {
        index: rejection.index,
        id: rejection.id.unwrap_or_default(),
        code: rejection.code.as_str().to_owned(),
        message: rejection.message.into_owned(),
    }
}

fn refusal(batch_id: u64, problem: Problem) -> IngestAck {
    IngestAck {
        status: ack_status(problem.code).into(),
        message: format!("{}: {}", problem.code, problem.detail),
        retry_after_ms: problem.retry_after_ms.unwrap_or(0),
        ..verdicts(batch_id, problem.batch.map(|batch| *batch))
    }
}

fn ack_status(code: Code) -> AckStatus {
    match code.status() {
        StatusCode::UNAUTHORIZED => AckStatus::Unauthenticated,
        StatusCode::FORBIDDEN => AckStatus::PermissionDenied,
        StatusCode::TOO_MANY_REQUESTS => AckStatus::ResourceExhausted,
        StatusCode::SERVICE_UNAVAILABLE => match code {
            Code::DiskFull | Code::JournalFailed | Code::ShuttingDown => AckStatus::Unavailable,
            _ => AckStatus::ResourceExhausted,
        },
        StatusCode::INTERNAL_SERVER_ERROR => AckStatus::Unavailable,
        _ => AckStatus::Invalid,
    }
}

fn refuse_stream(problem: &Problem) -> Status {
    let message = format!("{}: {}", problem.code, problem.detail);
    match ack_status(problem.code) {
        AckStatus::PermissionDenied => Status::permission_denied(message),
        AckStatus::ResourceExhausted => Status::resource_exhausted(message),
        _ => Status::unauthenticated(message),
    }
}
