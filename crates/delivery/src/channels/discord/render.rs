//! A message with one embed. Limits are those of Discord, counted in units of UTF-16: content 2 000, title 256,
//! description 4 096, 25 fields with names of 256 and values of 1 024, and 6 000 in all embeds of a message.

use serde_json::{Value, json};

use super::config::Config;
use crate::channels::Preview;
use crate::rendering::escape::{clip_marked, markdown};
use crate::rendering::{Brief, Telling, Tone, rfc3339};

const CONTENT_UNITS: usize = 2_000;
const TITLE_UNITS: usize = 256;
/// Less than is allowed, so that the fields fit in too.
const DESCRIPTION_UNITS: usize = 3_000;
/// Of each that is listed, so that twenty fit into a description.
const OTHER_UNITS: usize = 145;
const VALUE_UNITS: usize = 1_024;
const EMBED_UNITS: usize = 6_000;
const FIELDS: usize = 25;

/// The message. Nobody is mentioned, whatever stands in it.
pub(super) fn message(config: &Config, telling: &Telling<'_>) -> Value {
    let brief = Brief::of(telling);
    let title = clip_marked(&markdown(&brief.title), TITLE_UNITS);
    let description = clip_marked(&description(&brief), DESCRIPTION_UNITS);
    let fields = fields(&brief, units(&title) + units(&description));
    let mut embed = json!({
        "title": title,
        "color": color(brief.tone),
        "timestamp": rfc3339(telling.message.notification.at),
        "fields": fields,
    });
    if !description.is_empty() {
        embed["description"] = json!(description);
    }
    if let Some(page) = &brief.page {
        embed["url"] = json!(page);
    }
    let mut message = json!({
        "content": clip_marked(&markdown(&brief.headline), CONTENT_UNITS),
        "embeds": [embed],
        "allowed_mentions": {"parse": []},
    });
    if let Some(username) = &config.username {
        message["username"] = json!(username);
    }
    message
}

fn description(brief: &Brief) -> String {
    let listed = |other: &String| format!("• {}", clip_marked(&markdown(other), OTHER_UNITS));
    let mut lines: Vec<_> = brief.others.iter().map(listed).collect();
    lines.extend(Some(markdown(&brief.summary)).filter(|summary| !summary.is_empty()));
    lines.join("\n")
}

/// As many fields as there is room for.
fn fields(brief: &Brief, used: usize) -> Vec<Value> {
    let mut used = used;
    let mut fields = Vec::new();
    for (name, value) in brief.facts.iter().take(FIELDS) {
        let value = clip_marked(&markdown(value), VALUE_UNITS);
        used += units(name) + units(&value);
        if used > EMBED_UNITS {
            break;
        }
        fields.push(json!({"name": name, "value": value, "inline": units(&value) < 40}));
    }
    fields
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

const fn color(tone: Tone) -> u32 {
    match tone {
        Tone::Wrong(model::Severity::P0) => 0x00b3_1412,
        Tone::Wrong(model::Severity::P1) => 0x00d9_3025,
        Tone::Wrong(model::Severity::P2) => 0x00f2_9900,
        Tone::Wrong(model::Severity::P3) | Tone::Taken => 0x001a_73e8,
        Tone::Over => 0x0018_8038,
    }
}

pub(super) fn preview(config: &Config, telling: &Telling<'_>) -> Preview {
    Preview { text: format!("{:#}", message(config, telling)), remarks: Vec::new() }
}
