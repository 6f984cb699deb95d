//! Answers, each in the words of its door's wire, written by hand into one small buffer.

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use http::{Response, StatusCode};
use http_body_util::Full;
use model::SignalId;

use crate::batch::{Batch, Rejection};
use crate::code::Code;
use crate::doors::Door;
use crate::problem::Problem;

/// The type of every answer.
pub type Answer = Response<Full<Bytes>>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"stormbell\"");
const ENCODINGS: HeaderValue = HeaderValue::from_static("gzip, zstd");
const CLOSE: HeaderValue = HeaderValue::from_static("close");
const MINIMAL: HeaderValue = HeaderValue::from_static("return=minimal");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Messages of refused alerts in one answer to Prometheus.
const ALERT_MESSAGES: usize = 10;

/// The answer to a batch whose accepted items are durable.
pub(crate) fn taken(door: Door, batch: &Batch, minimal: bool) -> Answer {
    match door {
        Door::Signals if minimal => {
            let mut answer = json(StatusCode::ACCEPTED, JSON, minimal_verdicts(batch));
            answer.headers_mut().insert(PREFERENCE_APPLIED, MINIMAL);
            answer
        }
        Door::Signals | Door::Grpc => json(StatusCode::ACCEPTED, JSON, verdicts(batch)),
        Door::AlertmanagerWebhook | Door::GrafanaWebhook => {
            json(StatusCode::OK, JSON, verdicts(batch))
        }
        Door::Alertmanager if batch.rejected > 0 => {
            json(StatusCode::BAD_REQUEST, JSON, alert_messages(batch))
        }
        Door::Alertmanager => Response::new(Full::default()),
    }
}

/// The answer to a request that was refused as a whole.
pub(crate) fn refused(door: Door, problem: &Problem) -> Answer {
    let status = problem.code.status();
    let mut answer = match door {
        Door::Alertmanager => json(status, JSON, alertmanager_error(problem)),
        Door::Signals | Door::AlertmanagerWebhook | Door::GrafanaWebhook | Door::Grpc => {
            json(status, PROBLEM_JSON, problem_document(problem))
        }
    };
    let headers = answer.headers_mut();
    if let Some(retry_after_ms) = problem.retry_after_ms {
        headers.insert(RETRY_AFTER, HeaderValue::from(retry_after_ms.div_ceil(1_000)));
    }
    match status {
        StatusCode::UNAUTHORIZED => drop(headers.insert(WWW_AUTHENTICATE, CHALLENGE)),
        // The rest of the body is still under way: the connection is of no more use.
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT => {
            headers.insert(CONNECTION, CLOSE);
        }
        _ => {}
    }
    if problem.code == Code::UnsupportedEncoding {
        headers.insert(ACCEPT_ENCODING, ENCODINGS);
    }
    answer
}

fn json(status: StatusCode, content_type: HeaderValue, body: Vec<u8>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

/// `{"accepted":1,"duplicates":0,"rejected":[…],"ids":[…]}`.
fn verdicts(batch: &Batch) -> Vec<u8> {
    const ID_BYTES: usize = 39;
    let mut body = Vec::with_capacity(64 + batch.ids.len() * ID_BYTES);
    write_counts(&mut body, batch);
    body.extend_from_slice(b",\"rejected\":");
    write_rejections(&mut body, &batch.rejections);
    write_unlisted(&mut body, batch);
    body.extend_from_slice(b",\"ids\":");
    write_list(&mut body, &batch.ids, |body, id| write_id(body, *id));
    body.push(b'}');
    body
}

/// `{"accepted":1,"duplicates":0,"rejected":0}`.
fn minimal_verdicts(batch: &Batch) -> Vec<u8> {
    let mut body = Vec::with_capacity(64);
    write_counts(&mut body, batch);
    body.extend_from_slice(b",\"rejected\":");
    write_number(&mut body, batch.rejected);
    body.push(b'}');
    body
}

/// An RFC 9457 problem document with the code, and the verdicts where there are any.
fn problem_document(problem: &Problem) -> Vec<u8> {
    let code = problem.code;
    let mut body = Vec::with_capacity(256);
    body.extend_from_slice(b"{\"type\":\"/docs/errors/");
    body.extend_from_slice(code.as_str().as_bytes());
    body.extend_from_slice(b"\",\"title\":");
    write_text(&mut body, code.title());
    body.extend_from_slice(b",\"status\":");
    write_number(&mut body, u32::from(code.status().as_u16()));
    body.extend_from_slice(b",\"detail\":");
    write_text(&mut body, &problem.detail);
    body.extend_from_slice(b",\"code\":");
    write_text(&mut body, code.as_str());
    if let Some(batch) = &problem.batch {
        body.extend_from_slice(b",\"rejected\":");
        write_rejections(&mut body, &batch.rejections);
        write_unlisted(&mut body, batch);
    }
    body.push(b'}');
    body
}

/// What Alertmanager answers when alerts are invalid: their messages in one JSON string.
fn alert_messages(batch: &Batch) -> Vec<u8> {
    let listed = batch.rejections.iter().take(ALERT_MESSAGES);
    let mut text = listed.map(|rejection| &*rejection.message).collect::<Vec<_>>().join("; ");
    let unlisted = (batch.rejected as usize).saturating_sub(ALERT_MESSAGES);
    if unlisted > 0 {
        text.push_str(&format!("; and {unlisted} more"));
    }
    let mut body = Vec::with_capacity(text.len() + 2);
    write_text(&mut body, &text);
    body
}

/// What Alertmanager answers when it cannot read a request.
fn alertmanager_error(problem: &Problem) -> Vec<u8> {
    let mut body = Vec::with_capacity(128);
    body.extend_from_slice(b"{\"code\":");
    write_number(&mut body, u32::from(problem.code.status().as_u16()));
    body.extend_from_slice(b",\"message\":");
    write_text(&mut body, &format!("{}: {}", problem.code, problem.detail));
    body.push(b'}');
    body
}

fn write_counts(body: &mut Vec<u8>, batch: &Batch) {
    body.extend_from_slice(b"{\"accepted\":");
    write_number(body, batch.accepted);
    body.extend_from_slice(b",\"duplicates\":");
    write_number(body, batch.duplicates);
}

fn write_rejections(body: &mut Vec<u8>, rejections: &[Rejection]) {
    write_list(body, rejections, |body, rejection| {
        body.extend_from_slice(b"{\"index\":");
        write_number(body, rejection.index);
        if let Some(id) = &rejection.id {
            body.extend_from_slice(b",\"id\":");
            write_text(body, id);
        }
        body.extend_from_slice(b",\"code\":");
        write_text(body, rejection.code.as_str());
        body.extend_from_slice(b",\"message\":");
        write_text(body, &rejection.message);
        body.push(b'}');
    });
}

fn write_unlisted(body: &mut Vec<u8>, batch: &Batch) {
    let listed = u32::try_from(batch.rejections.len()).unwrap_or(u32::MAX);
    if batch.rejected > listed {
        body.extend_from_slice(b",\"rejected_unlisted\":");
        write_number(body, batch.rejected - listed);
    }
}

fn write_list<T>(body: &mut Vec<u8>, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    body.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        write(body, item);
    }
    body.push(b']');
}

fn write_id(body: &mut Vec<u8>, id: SignalId) {
    let mut buffer = uuid::Uuid::encode_buffer();
    let text = uuid::Uuid::from_u128(id.0).hyphenated().encode_lower(&mut buffer);
    body.push(b'"');
    body.extend_from_slice(text.as_bytes());
    body.push(b'"');
}

fn write_number(body: &mut Vec<u8>, number: u32) {
    let mut digits = [0; 10];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    body.extend_from_slice(&digits[at..]);
}

fn write_text(body: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(body, text).expect("a text can be written into memory");
}
