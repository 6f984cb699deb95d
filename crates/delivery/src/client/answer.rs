//! What an answer means: which statuses are yes, later, or never, and what of it is kept.
//!
//! Invariant: what [`kept`] keeps is bounded, one line, and free of control characters.

use model::{Duration, Timestamp, limits};

use crate::channel::{Sent, SentOutcome};

/// The longest wait that `Retry-After` is obeyed for: a day.
const RETRY_AFTER_MOST: Duration = Duration::from_secs(24 * 3_600);

/// A whole answer over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// What `Retry-After` said.
    pub(crate) retry_after: Option<Duration>,
    /// The body, at most [`super::BODY_BYTES`]; what was longer is cut.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// What the status alone means.
    pub(crate) fn outcome(&self) -> SentOutcome {
        match self.status {
            200..=299 => SentOutcome::Delivered,
            408 | 425 | 429 | 500..=599 => SentOutcome::Retry { after: self.retry_after },
            _ => SentOutcome::Refused,
        }
    }

    /// What came of it, going by the status alone.
    pub(crate) fn sent(&self, reference: impl Into<String>) -> Sent {
        self.sent_as(self.outcome(), reference)
    }

    /// What came of it, where the channel knows better than the status.
    pub(crate) fn sent_as(&self, outcome: SentOutcome, reference: impl Into<String>) -> Sent {
        let reference = match outcome {
            SentOutcome::Delivered => reference.into(),
            SentOutcome::Retry { .. } | SentOutcome::Refused => String::new(),
        };
        let answer = String::from_utf8_lossy(&self.body).into_owned();
        Sent { outcome, status: self.status, answer, reference }
    }

    /// The body as JSON, where it is.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl Sent {
    /// It will never work.
    pub(crate) fn refused(why: impl AsRef<str>) -> Self {
        Self::without_answer(SentOutcome::Refused, why)
    }

    /// It may work later.
    pub(crate) fn later(why: impl AsRef<str>) -> Self {
        Self::without_answer(SentOutcome::Retry { after: None }, why)
    }

    fn without_answer(outcome: SentOutcome, why: impl AsRef<str>) -> Self {
        Self { outcome, status: 0, answer: why.as_ref().to_owned(), reference: String::new() }
    }
}

/// What is kept of a text from outside: one line, no control characters, at most `limits::ANSWER_BYTES`.
pub(crate) fn kept(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(limits::ANSWER_BYTES));
    for character in text.trim().chars() {
        let shown = if character.is_control() { ' ' } else { character };
        if line.len() + shown.len_utf8() > limits::ANSWER_BYTES {
            break;
        }
        line.push(shown);
    }
    line.truncate(line.trim_end().len());
    line
}

/// Reads `Retry-After`: seconds, or a date of HTTP; at most a day.
pub(crate) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let wait = if let Ok(seconds) = text.parse::<u64>() {
        Duration::from_secs(seconds.min(RETRY_AFTER_MOST.secs()))
    } else {
        let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        Timestamp::from_micros(at.as_microsecond()).since(now)
    };
    Some(wait.min(RETRY_AFTER_MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Answer {
        Answer { status, retry_after: Some(Duration::from_secs(7)), body: b"x".to_vec() }
    }

    #[test]
    fn a_status_is_yes_later_or_never() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(answer(status).outcome(), SentOutcome::Delivered, "{status}");
        }
        let later = SentOutcome::Retry { after: Some(Duration::from_secs(7)) };
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert_eq!(answer(status).outcome(), later, "{status}");
        }
        for status in [300, 304, 400, 401, 403, 404, 405, 409, 410, 413, 422, 451, 600] {
            assert_eq!(answer(status).outcome(), SentOutcome::Refused, "{status}");
        }
    }

    #[test]
    fn a_wait_is_seconds_or_a_date_and_at_most_a_day() {
        let now = Timestamp::from_micros(784_111_777_000_000); // Sun, 06 Nov 1994 08:49:37 GMT
        for (text, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("99999999999", Some(86_400)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:40:00 GMT", Some(0)),
            ("Sat, 06 Nov 2094 08:49:37 GMT", Some(86_400)),
            ("-5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(text, now).map(Duration::secs), seconds, "{text}");
        }
    }

    #[test]
    fn what_is_kept_is_one_bounded_clean_line() {
        assert_eq!(kept("  a\r\nb\u{1b}[31mc\u{0} "), "a  b [31mc");
        let long = "é".repeat(limits::ANSWER_BYTES);
        assert_eq!(kept(&long).len(), limits::ANSWER_BYTES);
    }
}
