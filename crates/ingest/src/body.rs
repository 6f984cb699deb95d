//! Reading a body: bounded in bytes and in time, and without a copy where it came in one piece.

use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use model::limits;

use crate::body_memory::Share;
use crate::code::Code;
use crate::problem::Problem;

/// Bytes of a body that is read although its request is refused.
const DISCARDED_BYTES: u64 = 256 << 10;
/// How long such a body may take.
const DISCARD_WITHIN: Duration = Duration::from_millis(500);

/// Reads all of `body`; `share` grows by what has arrived.
pub(crate) async fn collect<B>(
    body: B,
    share: &mut Share,
    timeout: Duration,
) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes>,
{
    if body.size_hint().lower() > limits::BATCH_BYTES as u64 {
        return Err(Problem::body_too_large(""));
    }
    tokio::time::timeout(timeout, read_all(body, share)).await.unwrap_or_else(|_| {
        let detail = format!("the body did not arrive within {} s", timeout.as_secs());
        Err(Problem::new(Code::BodyTimeout, detail))
    })
}

/// Reads and forgets a body of a request that is refused, if it is small and comes soon: closing a
/// connection over bytes that nobody read resets it, and the sender would never see the answer.
pub(crate) async fn discard<B: Body<Data = Bytes>>(body: B) {
    if body.size_hint().upper().is_none_or(|bytes| bytes > DISCARDED_BYTES) {
        return;
    }
    let mut body = pin!(body);
    let rest = async { while let Some(Ok(_)) = body.frame().await {} };
    // Too late is as good as done: the answer is given either way.
    let _in_time = tokio::time::timeout(DISCARD_WITHIN, rest).await;
}

async fn read_all<B: Body<Data = Bytes>>(body: B, share: &mut Share) -> Result<Bytes, Problem> {
    let mut body = pin!(body);
    let Some(first) = next_piece(body.as_mut(), share, 0).await? else { return Ok(Bytes::new()) };
    if body.is_end_stream() {
        return Ok(first);
    }
    let Some(second) = next_piece(body.as_mut(), share, first.len()).await? else {
        return Ok(first);
    };
    let mut whole = BytesMut::from(first);
    whole.extend_from_slice(&second);
    while let Some(piece) = next_piece(body.as_mut(), share, whole.len()).await? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

async fn next_piece<B: Body<Data = Bytes>>(
    mut body: std::pin::Pin<&mut B>,
    share: &mut Share,
    so_far: usize,
) -> Result<Option<Bytes>, Problem> {
    while let Some(frame) = body.frame().await {
        let broke_off = |_| Problem::new(Code::BodyIncomplete, "the connection broke in the body");
        // What is no data is a trailer, of which nobody asks anything.
        let Ok(piece) = frame.map_err(broke_off)?.into_data() else { continue };
        share.grow(piece.len())?;
        if so_far + piece.len() > limits::BATCH_BYTES {
            return Err(Problem::body_too_large(""));
        }
        return Ok(Some(piece));
    }
    Ok(None)
}
