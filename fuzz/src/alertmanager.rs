//! `POST /api/v2/alerts`: the array that Prometheus and amtool send.
//!
//! Held: every array that serde_json reads gets one verdict an element, nothing else gets any; the
//! labels that are taken are those serde_json reads.

use ingest::{Batch, Media, alertmanager};
use model::{Entry, codec};
use serde::Deserialize;

use crate::oracle::{self, Members};
use crate::surroundings::{context, grant};
use crate::verdicts;

const BODIES: [&str; 4] = [
    r#"[{"labels":{"alertname":"HostDown","severity":"page","job":"é","instance":"a:9100","env":"prod"},"annotations":{"summary":"down","description":"d"},"startsAt":"2026-11-20T12:00:00Z","endsAt":"2026-11-20T13:04:00Z","generatorURL":"http://p/graph"},{"labels":{"alertname":"b","empty":""}},{"labels":{}}]"#,
    r#"[{"labels":{"alertname":"\ud83d\ude00","component_type":"rdbms"},"endsAt":"2020-01-01T00:00:00.000Z"},null,{"x":[[[]]]}]"#,
    r#"[{"labels":{"alertname":"a"},"startsAt":"0001-01-01T00:00:00Z","endsAt":"2026-11-20T13:04:00"}]"#,
    "null",
];

/// Arrays of alerts.
pub fn seeds() -> Vec<Vec<u8>> {
    BODIES.map(|body| body.as_bytes().to_vec()).into()
}

/// Decodes a body and holds the verdicts against serde_json.
pub fn check(body: &[u8]) {
    let grant = grant();
    match alertmanager::decode(body, context(&grant, Media::Json)) {
        Ok(batch) => {
            assert!(oracle::is_json(body));
            assert_eq!(oracle::elements(body).unwrap_or(0), batch.items() as usize);
            verdicts::inspect(&batch, batch.items() as usize);
            inspect_labels(&batch, body);
        }
        Err(problem) => assert_eq!(oracle::elements(body), None, "{}", problem.detail),
    }
}

/// An alert, as far as its labels go; serde_json refuses a second `labels`.
#[derive(Deserialize)]
struct Alert {
    labels: Option<Members<Option<String>>>,
}

/// Where every alert was taken, each has the labels it was sent with, less the empty ones.
fn inspect_labels(batch: &Batch, body: &[u8]) {
    let alerts = oracle::text(body).map(serde_json::from_str::<Vec<Alert>>);
    let Some(Ok(alerts)) = alerts.filter(|_| batch.rejected == 0) else { return };
    for (record, alert) in batch.records.iter().zip(alerts) {
        let Ok(Entry::Alert { signal, .. }) = codec::decode(record) else {
            panic!("the door wrote no alert");
        };
        let sent = alert.labels.map(|labels| labels.0).unwrap_or_default();
        let sent = sent.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let mut sent: Vec<_> = sent.filter(|(_, value)| !value.is_empty()).collect();
        sent.sort();
        let taken = signal.labels.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        assert_eq!(taken.collect::<Vec<_>>(), sent);
        assert!(sent.iter().all(|(name, _)| is_prometheus_name(name)));
    }
}

fn is_prometheus_name(name: &str) -> bool {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    plain && name.starts_with(|c: char| !c.is_ascii_digit())
}
