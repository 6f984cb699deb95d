//! Ten thousand damaged bodies per door. None may crash it; what is valid JSON gets one verdict per
//! item, what is not is refused, and every record that comes out obeys the limits.

use ingest::{
    Batch, Code, Context, Media, Problem, alertmanager, alertmanager_webhook, grafana_webhook,
    grpc, signals,
};
use model::{Entry, Signal, limits};
use prost::Message;
use serde::de::IgnoredAny;

use crate::house::{Ids, context, decode_entry, grant};

const BODIES: usize = 10_000;

const SIGNALS: [&str; 4] = [
    r#"{"id":"018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7","component":"db","severity":"critical","labels":{"zone":"b","az":1},"payload":{"a":[1,2.50,"\u00e9"]},"occurred_at":"2026-11-20T13:00:00Z","links":["https://x"]}"#,
    r#"[{"component":"a","summary":"caf\u00e9","extra":{"deep":[[{}]]}},{"service":"b","timestamp":1795179600.5},{"component":"c","id":"x"},7]"#,
    "{\"component\":\"a\"}\n\n{\"component\":\"b\",\"labels\":{\"k\":\"v\"}}\n{\"component\":\"c\"}\n",
    r#"[{"id":"018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7","component":"é"},{"id":"018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7","component":"é"}]"#,
];

const ALERTS: [&str; 2] = [
    r#"[{"labels":{"alertname":"a","severity":"page","job":"é"},"annotations":{"summary":"s"},"startsAt":"2026-11-20T12:00:00Z","endsAt":"2026-11-20T13:04:00Z","generatorURL":"http://p"},{"labels":{"alertname":"b"}},{"labels":{}}]"#,
    r#"[{"labels":{"alertname":"\ud83d\ude00"},"endsAt":"2020-01-01T00:00:00.000Z"},null,{"x":[[[]]]}]"#,
];

const WEBHOOKS: [&str; 2] = [
    r#"{"version":"4","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"a"},"annotations":{"summary":"s"},"startsAt":"2026-11-20T12:00:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"d258efc389808447"},{"status":"resolved","labels":{"alertname":"b"}}]}"#,
    r#"{"orgId":1,"version":"4","alerts":[{"labels":{"a b":"c"},"values":{"B":44.23,"C":null},"panelURL":"http://g"}],"title":"t"}"#,
];

/// Deterministic random numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// A valid body after a few accidents: flipped bytes, cuts, repeats, splices, noise.
    fn damage(&mut self, bodies: &[&[u8]]) -> Vec<u8> {
        const TOKENS: [&[u8]; 12] = [
            b"{", b"}", b"[", b"]", b",", b"\"", b"\\", b"\\u0000", b"null", b"1e999", b"\n",
            b"\xff",
        ];
        let mut body = bodies[self.below(bodies.len())].to_vec();
        for _ in 0..self.below(4) {
            let (from, to) = (self.below(body.len() + 1), self.below(body.len() + 1));
            let (from, to) = (from.min(to), from.max(to));
            match self.below(7) {
                0 if !body.is_empty() => {
                    let at = self.below(body.len());
                    body[at] ^= 1 << self.below(8);
                }
                1 => body.truncate(to),
                2 => drop(body.drain(from..to)),
                3 => {
                    let again = body[from..to].to_vec();
                    body.splice(to..to, again);
                }
                4 => {
                    let other = bodies[self.below(bodies.len())];
                    let at = self.below(other.len() + 1);
                    body.splice(from..to, other[at..].iter().copied());
                }
                5 => {
                    let token = TOKENS[self.below(TOKENS.len())];
                    body.splice(from..from, token.iter().copied());
                }
                _ => body = (0..self.below(64)).map(|_| self.next() as u8).collect(),
            }
        }
        body
    }
}

/// Throws damaged bodies at a decoder and holds every batch against the limits. Returns how many
/// bodies were taken, so that a test can see that both sides were met.
fn storm(
    seed: u64,
    bodies: &[&[u8]],
    decode: impl Fn(&[u8], Context<'_>) -> Result<Batch, Problem>,
    inspect: impl Fn(&[u8], Media, &Result<Batch, Problem>),
) -> usize {
    let (grant, ids, mut random) = (grant(), Ids::default(), Random(seed));
    let mut taken = 0;
    for _ in 0..BODIES {
        let body = random.damage(bodies);
        let media = if random.below(3) == 0 { Media::JsonLines } else { Media::Json };
        let verdict = decode(&body, context(&grant, &ids, media));
        inspect(&body, media, &verdict);
        if let Ok(batch) = &verdict {
            taken += 1;
            inspect_batch(batch);
        }
    }
    taken
}

fn inspect_batch(batch: &Batch) {
    assert_eq!(batch.items(), batch.accepted + batch.duplicates + batch.rejected);
    assert_eq!(batch.records.len(), batch.accepted);
    assert_eq!(batch.rejections.len(), batch.rejected as usize);
    assert_eq!(batch.worst.is_some(), batch.accepted > 0);
    for record in batch.records.iter() {
        match decode_entry(record) {
            Entry::Signal { signal, .. } => inspect_signal(&signal),
            Entry::Alert { lease, signal, .. } => {
                assert!(lease.starts_at <= lease.ends_at);
                inspect_signal(&signal);
            }
            other => panic!("a door wrote {other:?}"),
        }
    }
}

fn inspect_signal(signal: &Signal<'_>) {
    assert!(!signal.component.trim().is_empty() && !signal.environment.is_empty());
    assert!(signal.component.chars().count() <= limits::NAME_CHARS);
    assert!(signal.labels.len() <= limits::LABELS && signal.links.len() <= limits::LINKS);
    assert!(signal.labels.is_sorted_by(|left, right| left.0 < right.0));
    assert!(signal.payload.len() <= limits::PAYLOAD_BYTES);
    let payload = serde_json::from_slice::<IgnoredAny>(&signal.payload);
    assert!(signal.payload.is_empty() || payload.is_ok(), "{:?}", signal.payload);
}

/// Whether serde_json takes it, which does not look at the encoding of what it ignores.
fn is_json(body: &[u8]) -> bool {
    let text = std::str::from_utf8(without_mark(body));
    text.is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body)
}

/// How many elements an array has, by serde_json.
fn elements(body: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(without_mark(body)).ok()?;
    serde_json::from_str::<Vec<IgnoredAny>>(text).ok().map(|items| items.len())
}

#[test]
fn damaged_signals_crash_nothing_and_lose_no_item() {
    let bodies = SIGNALS.map(str::as_bytes);
    let taken = storm(1, &bodies, signals::decode, |body, media, verdict| {
        let is_array = without_mark(body).trim_ascii_start().starts_with(b"[");
        let shown = || String::from_utf8_lossy(body).into_owned();
        match verdict {
            Ok(batch) if is_array => {
                assert_eq!(elements(body), Some(batch.items() as usize), "{}", shown());
            }
            Ok(batch) if media == Media::JsonLines => {
                let lines = without_mark(body).split(|&byte| byte == b'\n');
                let full = lines.filter(|line| !line.trim_ascii().is_empty()).count();
                assert_eq!(batch.items() as usize, full, "{}", shown());
            }
            Ok(batch) => assert_eq!((batch.items(), is_json(body)), (1, true), "{}", shown()),
            Err(problem)
                if problem.code == Code::InvalidJson && (is_array || media == Media::Json) =>
            {
                assert!(!is_json(body), "{}: {}", problem.detail, shown());
            }
            Err(problem) => {
                assert!(
                    matches!(problem.code, Code::EmptyBatch | Code::InvalidJson),
                    "{}",
                    shown()
                );
            }
        }
    });
    assert!((1_000..BODIES - 1_000).contains(&taken), "{taken} bodies were taken");
}

#[test]
fn damaged_alerts_crash_nothing_and_lose_no_item() {
    let bodies = ALERTS.map(str::as_bytes);
    let taken = storm(2, &bodies, alertmanager::decode, |body, _, verdict| match verdict {
        Ok(batch) => {
            assert_eq!(elements(body).unwrap_or(0), batch.items() as usize);
            assert!(is_json(body));
        }
        Err(problem) if elements(body).is_some() => {
            panic!("{}: {}", problem.detail, String::from_utf8_lossy(body))
        }
        Err(_) => {}
    });
    assert!((1_000..BODIES - 1_000).contains(&taken), "{taken} bodies were taken");
}

#[test]
fn damaged_webhooks_crash_nothing() {
    let bodies = WEBHOOKS.map(str::as_bytes);
    let doors = [alertmanager_webhook::decode, grafana_webhook::decode];
    for (seed, decode) in (3..).zip(doors) {
        let taken = storm(seed, &bodies, decode, |body, _, verdict| {
            assert!(verdict.is_err() || is_json(body), "{}", String::from_utf8_lossy(body));
        });
        assert!((1_000..BODIES - 1_000).contains(&taken), "{taken} bodies were taken");
    }
}

#[test]
fn damaged_messages_crash_nothing_and_lose_no_item() {
    let signal = proto::v1::Signal {
        component: "db".to_owned(),
        id: "018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7".to_owned(),
        severity: "high".to_owned(),
        labels: [("zone".to_owned(), "b".to_owned())].into(),
        payload: r#"{"a":[1]}"#.into(),
        occurred_at_unix_nano: 1_795_179_600_000_000_000,
        ..proto::v1::Signal::default()
    };
    let bare = proto::v1::Signal { component: "web".to_owned(), ..Default::default() };
    let message = proto::v1::IngestBatch { batch_id: 1, signals: vec![signal, bare.clone(), bare] };
    let bytes = message.encode_to_vec();
    let decode = |body: &[u8], context: Context<'_>| {
        let message = proto::v1::IngestBatch::decode(body).unwrap_or_default();
        let verdict = grpc::decode(&message, context);
        if let Ok(batch) = &verdict {
            assert_eq!(batch.items() as usize, message.signals.len());
        }
        verdict
    };
    let taken = storm(5, &[&bytes], decode, |_, _, _| {});
    assert!((1_000..BODIES - 1_000).contains(&taken), "{taken} bodies were taken");
}
