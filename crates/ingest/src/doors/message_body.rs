//! The body of a gRPC stream, message by message: what has arrived of a message that is not whole counts among the
//! bodies in memory, and a message that has begun must be whole in time.
//!
//! Refuses to know: what a message says. Invariant: between two messages nothing is taken and no time runs, so that
//! a stream may be idle for ever.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use tonic::Status;

use crate::body_memory::Share;

/// Bytes before each message: whether it is compressed, and its length.
const HEADER_BYTES: usize = 5;

/// A body whose messages are counted and bounded in time.
pub struct MessageBody<B> {
    inner: B,
    messages: Messages,
    share: Share,
    timeout: Duration,
    /// When the message that has begun must be whole.
    deadline: Option<Pin<Box<Sleep>>>,
}

/// Where one message ends and the next begins.
#[derive(Debug, Default)]
struct Messages {
    header: [u8; HEADER_BYTES],
    /// Bytes that have arrived of the message that is not whole, its header included.
    arrived: usize,
    /// Bytes of that message that are still to come, once its header is whole.
    left: usize,
}

impl<B> MessageBody<B> {
    pub(super) fn new(inner: B, share: Share, timeout: Duration) -> Self {
        Self { inner, messages: Messages::default(), share, timeout, deadline: None }
    }

    /// Counts what has arrived.
    fn arrived(&mut self, bytes: &Bytes) -> Result<(), Status> {
        let ended = self.messages.arrived(bytes);
        let held = self.messages.arrived;
        if held == 0 {
            self.deadline = None;
        } else if ended || self.deadline.is_none() {
            let deadline = Instant::now() + self.timeout;
            self.deadline = Some(Box::pin(tokio::time::sleep_until(deadline)));
        }
        self.share.set(held).map_err(|problem| Status::resource_exhausted(problem.detail))
    }

    fn poll_late(&mut self, waker: &mut Context<'_>) -> Poll<Status> {
        let Some(deadline) = &mut self.deadline else { return Poll::Pending };
        ready!(deadline.as_mut().poll(waker));
        let within = self.timeout.as_secs();
        Poll::Ready(Status::deadline_exceeded(format!("a message was not whole within {within} s")))
    }
}

impl Messages {
    /// Follows these bytes; answers whether a message ended in them.
    fn arrived(&mut self, bytes: &Bytes) -> bool {
        let (mut bytes, mut ended) = (&bytes[..], false);
        while !bytes.is_empty() {
            if self.arrived < HEADER_BYTES {
                let take = bytes.len().min(HEADER_BYTES - self.arrived);
                self.header[self.arrived..self.arrived + take].copy_from_slice(&bytes[..take]);
                self.arrived += take;
                bytes.advance(take);
                if self.arrived < HEADER_BYTES {
                    break;
                }
                let [_, length @ ..] = self.header;
                // One that is too long is refused by whoever decodes it.
                self.left = u32::from_be_bytes(length) as usize;
            }
            let take = bytes.len().min(self.left);
            self.arrived += take;
            self.left -= take;
            bytes.advance(take);
            if self.left == 0 {
                (self.arrived, ended) = (0, true);
            }
        }
        ended
    }
}

impl<B> Body for MessageBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        waker: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Poll::Ready(next) = Pin::new(&mut this.inner).poll_frame(waker) else {
            return this.poll_late(waker).map(|late| Some(Err(late)));
        };
        let Some(frame) = next else { return Poll::Ready(None) };
        let frame = frame.map_err(|error| Status::from_error(Box::new(error)));
        let counted = frame.and_then(|frame| match frame.data_ref() {
            Some(bytes) => this.arrived(bytes).map(|()| frame),
            None => Ok(frame),
        });
        Poll::Ready(Some(counted))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use http_body_util::{BodyExt, StreamBody};
    use tokio::sync::mpsc;
    use tokio_stream::wrappers::ReceiverStream;

    use super::*;
    use crate::body_memory::Memory;

    const LIMIT: usize = 100;

    type Sent = Result<Frame<Bytes>, Infallible>;

    struct Stream {
        pieces: mpsc::Sender<Sent>,
        body: MessageBody<StreamBody<ReceiverStream<Sent>>>,
        memory: Arc<Memory>,
    }

    impl Stream {
        fn new() -> Self {
            let (pieces, received) = mpsc::channel(16);
            let memory = Arc::new(Memory::new(LIMIT));
            let inner = StreamBody::new(ReceiverStream::new(received));
            let body = MessageBody::new(inner, memory.share(), Duration::from_secs(30));
            Self { pieces, body, memory }
        }

        /// Sends a piece and reads it; answers how many bytes are taken then.
        async fn send(&mut self, piece: &[u8]) -> Result<usize, tonic::Code> {
            let piece = Frame::data(Bytes::copy_from_slice(piece));
            self.pieces.send(Ok(piece)).await.expect("there is room");
            let frame = self.body.frame().await.expect("there is one");
            frame.map_err(|status| status.code())?;
            Ok(self.memory.taken())
        }
    }

    fn message(bytes: usize) -> Vec<u8> {
        let mut message = vec![0];
        message.extend((bytes as u32).to_be_bytes());
        message.resize(HEADER_BYTES + bytes, 7);
        message
    }

    #[tokio::test]
    async fn only_what_is_not_whole_is_counted() {
        let mut stream = Stream::new();
        let (first, second) = (message(20), message(40));
        assert_eq!(stream.send(&first[..3]).await, Ok(3));
        assert_eq!(stream.send(&first[3..10]).await, Ok(10));
        let rest = [&first[10..], &message(0), &second[..30]].concat();
        assert_eq!(stream.send(&rest).await, Ok(30));
        assert_eq!(stream.send(&second[30..]).await, Ok(0));
        assert_eq!(stream.send(&message(1_000)).await, Ok(0), "it is whole, whatever its size");
        assert_eq!(stream.send(&message(1_000)[..90]).await, Ok(90));
        assert_eq!(stream.send(&[7; 11]).await, Err(tonic::Code::ResourceExhausted));
        let Stream { body, memory, .. } = stream;
        drop(body);
        assert_eq!(memory.taken(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_has_begun_must_be_whole_in_time_and_a_stream_may_be_idle() {
        let mut stream = Stream::new();
        stream.send(&message(5)).await.expect("it is whole");
        let idle = tokio::time::timeout(Duration::from_secs(3_600), stream.body.frame());
        assert!(idle.await.is_err(), "it waits for the next message");
        stream.send(&message(5)[..7]).await.expect("it has begun");
        let began = Instant::now();
        let late = stream.body.frame().await.expect("something").expect_err("it is late");
        assert_eq!(late.code(), tonic::Code::DeadlineExceeded);
        assert_eq!(began.elapsed(), Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn each_message_has_its_own_time() {
        let mut stream = Stream::new();
        let message = message(5);
        let overlapping = [&message[5..], &message[..5]].concat();
        stream.send(&message[..5]).await.expect("it has begun");
        for _ in 0..9 {
            tokio::time::sleep(Duration::from_secs(20)).await;
            stream.send(&overlapping).await.expect("one ends in time, and the next begins");
        }
        let Stream { pieces, mut body, .. } = stream;
        drop(pieces);
        assert!(body.frame().await.is_none());
    }
}
