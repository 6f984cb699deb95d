//! Times as senders write them: `occurred_at` as a number and as a text, `startsAt` of an alert.
//!
//! Held: a number is read as arithmetic reads it; a plain RFC 3339 time as the calendar does; what
//! one door reads the other reads alike; nothing ahead of the server's clock goes through.

use ingest::{Batch, Code, Media, alertmanager, signals};
use model::{Entry, Timestamp, codec, limits};
use serde_json::json;

use crate::surroundings::{NOW, context, grant};
use crate::verdicts;

/// What Go's programs send for "not set".
const GO_ZERO: i64 = -62_135_596_800_000_000;

const TEXTS: [&str; 11] = [
    "2026-11-20T13:00:00Z",
    "2024-02-29T23:59:60+05:30",
    "2026-11-20T14:00:00.1234567+01:00",
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999999-00:00",
    "2026-11-20T13:00:00",
    "1795179600",
    "1795179600.5",
    "1795179600123.4567",
    "99999999999.9",
    "99999999999.999999",
];

/// Times of every form.
pub fn seeds() -> Vec<Vec<u8>> {
    TEXTS.map(|text| text.as_bytes().to_vec()).into()
}

/// Reads the input as a number where it is one, and as a text.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    check_number(text);
    check_text(text);
}

/// Numbers that JSON has, without sign and exponent: those below 1e11 are seconds.
fn check_number(text: &str) {
    if serde_json::from_str::<serde_json::Number>(text).is_err() || text.trim() != text {
        return;
    }
    let taken = by_signals(&format!(r#"{{"component":"c","occurred_at":{text}}}"#));
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let value: f64 = text.parse().expect("a JSON number is one of Rust's");
    // By its digits: as a float 99999999999.999999 is 1e11 already.
    let whole: Option<u128> = text.split('.').next().and_then(|digits| digits.parse().ok());
    let in_range = plain && whole.is_some_and(|whole| whole < 100_000_000_000_000);
    let unit = if whole.is_some_and(|whole| whole < 100_000_000_000) { 1e6 } else { 1e3 };
    match taken {
        Ok(at) => {
            assert!(in_range, "{text}");
            let difference = (at.micros() as f64 - value * unit).abs();
            assert!(difference <= 2.0, "{text} was read as {} µs", at.micros());
        }
        Err(Code::OccurredInFuture) => {
            let latest = (NOW + limits::OCCURRED_AHEAD).micros() as f64;
            assert!(in_range && value * unit > latest - 2.0, "{text}");
        }
        Err(code) => {
            assert!(code == Code::InvalidOccurredAt && !in_range, "{text}: {code}");
        }
    }
}

fn check_text(text: &str) {
    let taken = by_signals(&json!({"component": "c", "occurred_at": text}).to_string());
    let expected = plain_rfc3339(text);
    match taken {
        Ok(at) => {
            assert!(expected.is_none_or(|expected| expected == at.micros()), "{text:?}");
            let again = jiff::Timestamp::from_microsecond(at.micros()).expect("it was read");
            let again = json!({"component": "c", "occurred_at": again.to_string()}).to_string();
            assert_eq!(by_signals(&again), Ok(at), "{text:?}, written again");
            check_alert(text, at);
        }
        Err(Code::OccurredInFuture) => {
            let latest = (NOW + limits::OCCURRED_AHEAD).micros();
            assert!(expected.is_none_or(|expected| expected > latest), "{text:?}");
        }
        Err(code) => {
            assert_eq!((code, expected), (Code::InvalidOccurredAt, None), "{text:?}");
        }
    }
}

/// An alert that starts at that time.
fn check_alert(text: &str, at: Timestamp) {
    if at.micros() == GO_ZERO {
        return;
    }
    let body = json!([{"labels": {"alertname": "a"}, "startsAt": text}]).to_string();
    let grant = grant();
    let batch = alertmanager::decode(body.as_bytes(), context(&grant, Media::Json));
    let batch = batch.expect("an array of alerts is taken");
    let lease = batch.records.iter().next().map(codec::decode);
    let Some(Ok(Entry::Alert { lease, .. })) = lease else {
        panic!("{text:?} is no start: {:?}", batch.rejections);
    };
    assert_eq!(lease.starts_at, at);
}

fn by_signals(body: &str) -> Result<Timestamp, Code> {
    let grant = grant();
    let batch: Batch = signals::decode(body.as_bytes(), context(&grant, Media::Json))
        .map_err(|problem| problem.code)?;
    match verdicts::only_entry(&batch) {
        Some(Entry::Signal { signal, .. }) => {
            assert!(signal.occurred_at <= NOW + limits::OCCURRED_AHEAD, "ahead of the clock");
            Ok(signal.occurred_at)
        }
        _ => Err(batch.rejections[0].code),
    }
}

/// `YYYY-MM-DDTHH:MM:SSZ` in microseconds since 1970, by counting days; `None` for anything else.
fn plain_rfc3339(text: &str) -> Option<i64> {
    let form = b"dddd-dd-ddTdd:dd:ddZ";
    let fits = |(&byte, &wanted): (&u8, &u8)| match wanted {
        b'd' => byte.is_ascii_digit(),
        _ => byte == wanted,
    };
    if text.len() != form.len() || !text.as_bytes().iter().zip(form).all(fits) {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month - 1).ok()?;
    let in_month = (1..=*months.get(index)?).contains(&day);
    if !in_month || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let before = year - 1;
    let leap_days = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    let days_before_1970 = 719_162;
    let days = before * 365 + leap_days - days_before_1970
        + months[..index].iter().sum::<i64>()
        + (day - 1);
    Some(((days * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000)
}
