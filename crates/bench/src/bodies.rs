//! What is sent: signals of some 300 bytes and alerts as Prometheus sends them, with components, ids
//! and texts that change. A template is rendered once and stamped with fresh ids each time it is sent,
//! so that the generator costs little and no two requests are the same.
//!
//! Invariant: the same numbers give the same bytes; only the stamps count on.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use model::{Severity, Signal, SignalId, Timestamp};
use prost::Message;

/// Components that signals are about.
pub(crate) const COMPONENTS: u64 = 1_000;
/// Hexadecimal digits of a stamp.
pub(crate) const STAMP_DIGITS: usize = 12;

static NEXT_STAMP: AtomicU64 = AtomicU64::new(1);

/// Where requests go.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) path: &'static str,
    pub(crate) key: Option<String>,
}

/// What a body is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Signals with ids that were never sent before.
    Signals,
    /// Alerts that were never sent before.
    NewAlerts,
    /// The same alerts over and over.
    RepeatedAlerts,
}

/// Bytes that are sent again and again, with places for stamps.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    places: Vec<usize>,
    pub(crate) items: u32,
}

/// One signal, as a function of its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    number: u64,
    mixed: u64,
}

impl Template {
    /// Numbers the items anew and hands out the bytes.
    pub(crate) fn stamp(&mut self) -> &[u8] {
        let first = NEXT_STAMP.fetch_add(self.places.len() as u64, Ordering::Relaxed);
        for (stamp, &place) in (first..).zip(&self.places) {
            write_stamp(stamp, &mut self.bytes[place..place + STAMP_DIGITS]);
        }
        &self.bytes
    }

    /// A body of `items` items that begin with `number`: an object for one signal, else an array.
    pub(crate) fn body(kind: Kind, number: u64, items: u32, now: &str) -> Self {
        let mut text = String::new();
        let mut places = Vec::new();
        let is_array = items > 1 || kind != Kind::Signals;
        for item in number..number + u64::from(items) {
            let comma = if item > number { "," } else { "[" };
            text.push_str(if is_array { comma } else { "" });
            let sample = Sample::new(item);
            match kind {
                Kind::Signals => sample.write_json(&mut text, &mut places, now),
                Kind::NewAlerts => sample.write_alert(&mut text, &mut places, now),
                Kind::RepeatedAlerts => sample.write_alert(&mut text, &mut Vec::new(), now),
            }
        }
        text.push_str(if is_array { "]" } else { "" });
        Self { bytes: text.into_bytes(), places, items }
    }

    /// Any body with the place of one stamp.
    pub(crate) fn with_place(bytes: Vec<u8>, place: usize) -> Self {
        Self { bytes, places: vec![place], items: 1 }
    }

    /// The same with the head of an HTTP request before it.
    pub(crate) fn request(self, target: &Target) -> Self {
        let (path, address) = (target.path, target.address);
        let mut head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\n");
        if let Some(key) = &target.key {
            head.push_str(&format!("authorization: Bearer {key}\r\n"));
        }
        head.push_str("content-type: application/json\r\n");
        head.push_str(&format!("content-length: {}\r\n\r\n", self.bytes.len()));
        let places = self.places.iter().map(|place| place + head.len()).collect();
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.bytes);
        Self { bytes, places, items: self.items }
    }

    /// An encoded gRPC batch.
    pub(crate) fn batch(number: u64, items: u32, now_us: i64) -> Self {
        let samples = || (number..number + u64::from(items)).map(Sample::new);
        let signals = samples().map(|sample| sample.proto(now_us)).collect();
        let bytes = proto::v1::IngestBatch { batch_id: number, signals }.encode_to_vec();
        let mut places = Vec::new();
        let mut from = 0;
        for sample in samples() {
            let id = sample.id();
            let found = bytes[from..].windows(id.len()).position(|window| window == id.as_bytes());
            from += found.expect("every id is in the batch") + id.len();
            places.push(from - STAMP_DIGITS);
        }
        Self { bytes, places, items }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// `connections` pools of `count` requests each, of different numbers.
pub(crate) fn pools(
    kind: Kind,
    items: u32,
    connections: usize,
    count: usize,
    target: &Target,
) -> Vec<Vec<Template>> {
    let now = moment(0);
    let mut number = 0;
    let mut next = || {
        let template = Template::body(kind, number, items, &now).request(target);
        number += u64::from(items);
        template
    };
    (0..connections).map(|_| (0..count).map(|_| next()).collect()).collect()
}

/// The stamp that is handed out next.
pub(crate) fn next_stamp() -> u64 {
    NEXT_STAMP.load(Ordering::Relaxed)
}

/// Now and some seconds, as RFC 3339.
pub(crate) fn moment(ahead_seconds: i64) -> String {
    let moment = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + ahead_seconds);
    moment.map(|moment| moment.to_string()).unwrap_or_default()
}

/// Spreads a number over 64 bits.
pub(crate) fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Sample {
    pub(crate) fn new(number: u64) -> Self {
        Self { number, mixed: mix(number) }
    }

    fn id(self) -> String {
        let (high, low) = ((self.mixed >> 32) as u32, self.mixed & 0xfff);
        format!(
            "{high:08x}-{low:04x}-4{low:03x}-8{low:03x}-{:012x}",
            self.number & 0xffff_ffff_ffff
        )
    }

    fn component(self) -> String {
        format!("orders-db-{}", self.mixed % COMPONENTS)
    }

    fn severity(self) -> Severity {
        Severity::ALL[(self.mixed >> 20) as usize % 4]
    }

    fn summary(self) -> String {
        format!("connection refused after {} ms", (self.mixed >> 8) % 5_000)
    }

    fn labels(self) -> [(&'static str, String); 2] {
        [
            ("pod", format!("orders-{}", (self.mixed >> 12) % 41)),
            ("zone", format!("eu-{}", self.mixed % 3)),
        ]
    }

    fn payload(self) -> String {
        let (latency, host) = ((self.mixed >> 16) % 977, (self.mixed >> 24) % 250);
        format!("{{\"latency_ms\":{latency},\"attempt\":3,\"host\":\"10.0.0.{host}\"}}")
    }

    fn write_json(self, text: &mut String, places: &mut Vec<usize>, now: &str) {
        places.push(text.len() + "{\"id\":\"".len() + 36 - STAMP_DIGITS);
        let [(_, pod), (_, zone)] = self.labels();
        text.push_str(&format!(
            "{{\"id\":\"{}\",\"component\":\"{}\",\"severity\":\"{}\",\"source\":\"probe\",\
             \"environment\":\"prod\",\"summary\":\"{}\",\"labels\":{{\"zone\":\"{zone}\",\
             \"pod\":\"{pod}\"}},\"payload\":{},\"occurred_at\":\"{now}\"}}",
            self.id(),
            self.component(),
            self.severity(),
            self.summary(),
            self.payload(),
        ));
    }

    fn write_alert(self, text: &mut String, places: &mut Vec<usize>, now: &str) {
        let begin = format!(
            "{{\"labels\":{{\"alertname\":\"HighLatency\",\"instance\":\"node-{:012x}",
            self.number
        );
        places.push(text.len() + begin.len() - STAMP_DIGITS);
        text.push_str(&begin);
        let service = self.number % COMPONENTS;
        text.push_str(&format!(
            ":9100\",\"service\":\"orders-{service}\",\"severity\":\"warning\",\"env\":\"prod\"}},\
             \"annotations\":{{\"summary\":\"latency of orders-{service} is high\",\"description\":\
             \"p99 above {} ms for 5 minutes\"}},\"startsAt\":\"{now}\",\"endsAt\":\"2099-01-01T00:00:00Z\",\
             \"generatorURL\":\"http://prometheus:9090/graph?g0.expr=latency\"}}",
            self.mixed % 900,
        ));
    }

    fn proto(self, now_us: i64) -> proto::v1::Signal {
        proto::v1::Signal {
            id: self.id(),
            component: self.component(),
            severity: self.severity().to_string(),
            source: "probe".to_owned(),
            environment: "prod".to_owned(),
            summary: self.summary(),
            labels: self
                .labels()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            payload: Bytes::from(self.payload()),
            occurred_at_unix_nano: now_us.unsigned_abs() * 1_000,
            ..proto::v1::Signal::default()
        }
    }

    /// The signal as it stands in the journal, about one of `components` components.
    pub(crate) fn signal(self, components: u64, at: Timestamp) -> Signal<'static> {
        let id = SignalId(u128::from(self.mixed) << 64 | u128::from(self.number));
        let mut signal = Signal::new(id, format!("orders-db-{}", self.mixed % components), "prod");
        signal.id_given = true;
        signal.severity = self.severity();
        signal.source = "probe".into();
        signal.summary = self.summary().into();
        signal.labels =
            self.labels().into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        signal.payload = self.payload().into_bytes().into();
        signal.occurred_at = at;
        signal
    }
}

fn write_stamp(mut stamp: u64, into: &mut [u8]) {
    for digit in into.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(stamp & 15) as usize];
        stamp >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-20T12:59:03Z";

    fn target() -> Target {
        Target {
            address: ([127, 0, 0, 1], 1).into(),
            path: "/v1/signals",
            key: Some("k".to_owned()),
        }
    }

    #[test]
    fn the_same_numbers_give_the_same_bytes_of_a_realistic_length() {
        let body = || Template::body(Kind::Signals, 7, 1, NOW).bytes;
        assert_eq!(body(), body());
        assert!((270..340).contains(&body().len()), "{}", body().len());
        assert_ne!(body(), Template::body(Kind::Signals, 8, 1, NOW).bytes);
    }

    #[test]
    fn stamps_change_the_ids_and_nothing_else() {
        let mut template = Template::body(Kind::Signals, 0, 3, NOW).request(&target());
        let before = template.bytes.clone();
        let after = template.stamp();
        let differing: Vec<usize> =
            (0..before.len()).filter(|&at| before[at] != after[at]).collect();
        let body = after.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
        let items: Vec<serde_json::Value> = serde_json::from_slice(&after[body..]).expect("JSON");
        assert_eq!(items.len(), 3);
        assert_ne!(items[0]["id"], items[1]["id"]);
        assert!(
            items
                .iter()
                .all(|item| item["id"].as_str().is_some_and(|id| SignalId::parse(id).is_some()))
        );
        let places = template.places.clone();
        assert!(
            differing.iter().all(|at| places.iter().any(|place| (*place..place + 12).contains(at)))
        );
    }

    #[test]
    fn a_stamped_batch_still_decodes_and_repeated_alerts_stay_the_same() {
        let mut batch = Template::batch(5, 4, 1_000_000);
        let decoded = proto::v1::IngestBatch::decode(batch.stamp()).expect("it decodes");
        assert_eq!(decoded.signals.len(), 4);
        assert!(decoded.signals.iter().all(|signal| SignalId::parse(&signal.id).is_some()));
        let mut alerts = Template::body(Kind::RepeatedAlerts, 0, 2, NOW);
        let before = alerts.bytes.clone();
        assert_eq!(alerts.stamp(), before);
        let parsed: Vec<serde_json::Value> = serde_json::from_slice(&before).expect("JSON");
        assert_eq!(parsed[1]["labels"]["instance"], "node-000000000001:9100");
    }
}
