//! `POST /v1/webhooks/alertmanager` and `/grafana`: an object around alerts.
//!
//! Held: what is taken is a JSON object, with one verdict for each element of its `alerts`; what is
//! refused as no JSON is none.

use ingest::{Code, Media, alertmanager_webhook, grafana_webhook};
use serde::de::IgnoredAny;

use crate::oracle::{self, RawMembers};
use crate::surroundings::{context, grant};
use crate::{seeds, verdicts};

const BODIES: [&str; 3] = [
    r#"{"version":"4","status":"firing","receiver":"r","groupLabels":{"a":"b"},"alerts":[{"status":"firing","labels":{"alertname":"a"},"annotations":{"summary":"s"},"startsAt":"2026-11-20T12:00:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"d258efc389808447"},{"status":"resolved","labels":{"alertname":"b"}}]}"#,
    r#"{"orgId":1,"version":"1","alerts":[{"labels":{"a b":"c"},"values":{"B":44.23,"C":null},"panelURL":"http://g","dashboardURL":"","silenceURL":null}],"title":"t"}"#,
    r#"{"alerts":[],"version":"4","alerts":[null,{"labels":null}]}"#,
];

/// Webhooks behind a byte whose lowest bit chooses Grafana's.
pub fn seeds() -> Vec<Vec<u8>> {
    seeds::with_choice(&[b"0", b"1"], &BODIES)
}

/// Decodes a body and holds the verdicts against serde_json.
pub fn check(input: &[u8]) {
    let Some((choice, body)) = input.split_first() else { return };
    let grant = grant();
    let context = context(&grant, Media::Json);
    let verdict = if choice & 1 == 0 {
        alertmanager_webhook::decode(body, context)
    } else {
        grafana_webhook::decode(body, context)
    };
    match verdict {
        Ok(batch) => {
            assert!(oracle::is_json(body));
            verdicts::inspect(&batch, batch.items() as usize);
            if let Some(alerts) = alerts(body) {
                assert_eq!(batch.items() as usize, alerts, "one verdict for each alert");
            }
        }
        Err(problem) if problem.code == Code::InvalidJson => {
            let is_object = oracle::first_byte(body) == Some(b'{');
            assert!(!is_object || !oracle::is_json(body), "{}", problem.detail);
        }
        Err(problem) => {
            assert!(matches!(problem.code, Code::EmptyBatch | Code::UnsupportedVersion));
        }
    }
}

/// Elements of every array `alerts`; `None` where a key holds half of a surrogate pair.
fn alerts(body: &[u8]) -> Option<usize> {
    let members = serde_json::from_str::<RawMembers<'_>>(oracle::text(body)?).ok()?;
    let alerts = members.0.iter().filter(|(name, _)| name == "alerts");
    let arrays = alerts.filter_map(|(_, value)| {
        serde_json::from_str::<Vec<IgnoredAny>>(value.get()).ok().map(|alerts| alerts.len())
    });
    Some(arrays.sum())
}
