//! A message as an Adaptive Card. Texts of strangers stand in text runs only, which know no markup. A whole message
//! has 28 KB at most, so each part is cut so far that all of them fit in,
//! even where every character needs an escape in JSON.

use serde_json::{Value, json};

use super::config::Config;
use crate::channels::Preview;
use crate::rendering::escape::clip_bytes;
use crate::rendering::{Brief, Telling, Tone};

const HEADLINE_BYTES: usize = 400;
const SUMMARY_BYTES: usize = 2_000;
const FACT_BYTES: usize = 400;
const OTHER_BYTES: usize = 200;

/// The message with its card.
pub(super) fn message(telling: &Telling<'_>) -> Value {
    let brief = Brief::of(telling);
    let headline = json!({
        "type": "TextRun",
        "text": clip_bytes(&brief.headline, HEADLINE_BYTES),
        "weight": "bolder",
        "size": "large",
        "color": color(brief.tone),
    });
    let mut body = vec![block(&[headline])];
    if !brief.summary.is_empty() {
        let text = clip_bytes(&brief.summary, SUMMARY_BYTES);
        body.push(block(&[json!({"type": "TextRun", "text": text})]));
    }
    for (name, value) in &brief.facts {
        let value = clip_bytes(value, FACT_BYTES);
        body.push(block(&[
            json!({"type": "TextRun", "text": format!("{name}: "), "weight": "bolder"}),
            json!({"type": "TextRun", "text": value}),
        ]));
    }
    for other in &brief.others {
        let text = clip_bytes(&format!("• {other}"), OTHER_BYTES);
        body.push(block(&[json!({"type": "TextRun", "text": text})]));
    }
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "msteams": {"width": "Full"},
    });
    if let Some(page) = &brief.page {
        card["actions"] =
            json!([{"type": "Action.OpenUrl", "title": brief.page_label, "url": page}]);
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": card,
        }],
    })
}

fn block(inlines: &[Value]) -> Value {
    json!({"type": "RichTextBlock", "inlines": inlines})
}

const fn color(tone: Tone) -> &'static str {
    match tone {
        Tone::Wrong(model::Severity::P0 | model::Severity::P1) => "attention",
        Tone::Wrong(model::Severity::P2) => "warning",
        Tone::Wrong(model::Severity::P3) | Tone::Taken => "accent",
        Tone::Over => "good",
    }
}

pub(super) fn preview(_: &Config, telling: &Telling<'_>) -> Preview {
    Preview { text: format!("{:#}", message(telling)), remarks: Vec::new() }
}
