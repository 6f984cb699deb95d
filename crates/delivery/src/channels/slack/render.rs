//! A message as blocks. Limits are those of Slack, counted as UTF-16 to be safe: a header has 150 characters, a section 3 000, a field 2 000, and
//! a section ten fields. `verbatim` keeps Slack from making links of what looks like one.

use serde_json::{Value, json};

use super::config::Config;
use crate::channels::Preview;
use crate::rendering::escape::{clip_escaped, clip_units, mrkdwn};
use crate::rendering::{Brief, Telling, Tone};

const HEADER_CHARS: usize = 150;
const SECTION_CHARS: usize = 3_000;
const FIELD_CHARS: usize = 2_000;
const FIELDS: usize = 10;
/// Of each that is listed, so that twenty fit into a section.
const OTHER_CHARS: usize = 145;

/// `text`, which notifications show, and `blocks`.
pub(super) fn message(telling: &Telling<'_>) -> Value {
    let brief = Brief::of(telling);
    let header = clip_units(&format!("{} {}", mark(brief.tone), brief.headline), HEADER_CHARS);
    let mut blocks = vec![json!({
        "type": "header",
        "text": {"type": "plain_text", "text": header, "emoji": false},
    })];
    if !brief.summary.is_empty() {
        blocks.push(section(&mrkdwn(&brief.summary)));
    }
    let fields: Vec<Value> = brief.facts.iter().take(FIELDS).map(field).collect();
    if !fields.is_empty() {
        blocks.push(json!({"type": "section", "fields": fields}));
    }
    if !brief.others.is_empty() {
        let listed = |other: &String| format!("• {}", clip_escaped(&mrkdwn(other), OTHER_CHARS));
        let listed: Vec<_> = brief.others.iter().map(listed).collect();
        blocks.push(section(&listed.join("\n")));
    }
    if let Some(page) = &brief.page {
        blocks.push(json!({
            "type": "actions",
            "elements": [{
                "type": "button",
                "text": {"type": "plain_text", "text": brief.page_label},
                "url": page,
            }],
        }));
    }
    json!({
        "text": mrkdwn(&brief.headline),
        "blocks": blocks,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "verbatim": true, "text": clip_escaped(text, SECTION_CHARS)}})
}

fn field((name, value): &(&'static str, String)) -> Value {
    let text = clip_escaped(&format!("*{name}*\n{}", mrkdwn(value)), FIELD_CHARS);
    json!({"type": "mrkdwn", "verbatim": true, "text": text})
}

/// A sign that is seen before anything is read.
const fn mark(tone: Tone) -> &'static str {
    match tone {
        Tone::Wrong(model::Severity::P0 | model::Severity::P1) => "🔴",
        Tone::Wrong(model::Severity::P2) => "🟠",
        Tone::Wrong(model::Severity::P3) => "🔵",
        Tone::Taken => "👀",
        Tone::Over => "✅",
    }
}

pub(super) fn preview(_: &Config, telling: &Telling<'_>) -> Preview {
    Preview { text: format!("{:#}", message(telling)), remarks: Vec::new() }
}
