//! A request that was refused as a whole: the code, the words, and when to come back.
//!
//! Every door turns it into an answer of its own wire in [`crate::answer`] or [`crate::grpc`].

use std::borrow::Cow;

use model::limits;

use crate::batch::Batch;
use crate::code::Code;
use crate::json::Syntax;

/// Why a request was refused as a whole.
#[derive(Debug)]
pub struct Problem {
    /// Which reason.
    pub code: Code,
    /// What is wrong, in words, saying what and where.
    pub detail: Cow<'static, str>,
    /// How long to wait before the same request may succeed, in milliseconds.
    pub retry_after_ms: Option<u32>,
    /// The verdicts, where every item was refused.
    pub batch: Option<Box<Batch>>,
}

/// How long a sender waits when the server is the reason.
const RETRY_AFTER_MS: u32 = 1_000;

impl Problem {
    /// A problem with this code, to be tried again as the code says.
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let retry_after_ms = code.is_retryable().then_some(RETRY_AFTER_MS);
        Self { code, detail: detail.into(), retry_after_ms, batch: None }
    }

    /// A problem that goes away after `retry_after_ms`.
    pub(crate) fn until(code: Code, detail: &'static str, retry_after_ms: u32) -> Self {
        Self { retry_after_ms: Some(retry_after_ms), ..Self::new(code, detail) }
    }

    /// The body is not JSON.
    pub(crate) fn syntax(failure: &Syntax, text: &str) -> Self {
        Self::new(Code::InvalidJson, failure.describe(text))
    }

    /// There are too many items.
    pub(crate) fn too_many_signals() -> Self {
        let detail = format!("more than {} items in one batch", limits::BATCH_SIGNALS);
        Self::new(Code::TooManySignals, detail)
    }

    /// The body is larger than a batch may be.
    pub(crate) fn body_too_large(stage: &'static str) -> Self {
        let limit = limits::BATCH_BYTES;
        Self::new(Code::BodyTooLarge, format!("the body is larger than {limit} bytes{stage}"))
    }

    /// Every item was refused. The only item of a batch speaks for itself.
    pub(crate) fn all_rejected(batch: Batch) -> Self {
        let mut problem = match batch.rejections.as_slice() {
            [only] if batch.rejected == 1 => Self::new(only.code, only.message.clone()),
            _ => {
                let detail = format!("every one of {} items was refused", batch.rejected);
                Self::new(Code::AllRejected, detail)
            }
        };
        problem.batch = Some(Box::new(batch));
        problem
    }
}

/// The body as text, without a byte order mark.
pub(crate) fn text(body: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(without_mark(body)).map_err(|failure| {
        let at = failure.valid_up_to();
        Problem::new(Code::InvalidJson, format!("the body is not UTF-8 from byte {at} on"))
    })
}

/// The body without the byte order mark that some editors and shells put before it.
pub(crate) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body)
}
