//! A message with one embed. Limits are those of Discord, counted in units of UTF-16: content 2 000, title 256,
//! description 4 096, 25 fields with names of 256 and values of 1 024, and 6 000 in all embeds of a message.

use serde_json::{Value, json};

use super::config::Config;
use crate::channels::Preview;
use crate::rendering::escape::{clip_units, markdown};
use crate::rendering::{Brief, Telling, Tone, rfc3339};

const CONTENT_UNITS: usize = 2_000;
const TITLE_UNITS: usize = 256;
/// Less than is allowed, so that the fields fit in too.
const DESCRIPTION_UNITS: usize = 3_000;
const VALUE_UNITS: usize = 1_024;
const EMBED_UNITS: usize = 6_000;
const FIELDS: usize = 25;

/// The message. Nobody is mentioned, whatever stands in it.
pub(super) fn message(config: &Config, telling: &Telling<'_>) -> Value {
    let brief = Brief::of(telling);
    let title = cut(&markdown(&brief.title), TITLE_UNITS);
    let description = cut(&description(&brief), DESCRIPTION_UNITS);
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
        "content": cut(&markdown(&brief.headline), CONTENT_UNITS),
        "embeds": [embed],
        "allowed_mentions": {"parse": []},
    });
    if let Some(username) = &config.username {
        message["username"] = json!(username);
    }
    message
}

fn description(brief: &Brief) -> String {
    let mut lines = Vec::new();
    lines.extend(Some(markdown(&brief.summary)).filter(|summary| !summary.is_empty()));
    lines.extend(brief.others.iter().map(|other| format!("• {}", markdown(other))));
    lines.join("\n")
}

/// As many fields as there is room for.
fn fields(brief: &Brief, used: usize) -> Vec<Value> {
    let mut used = used;
    let mut fields = Vec::new();
    for (name, value) in brief.facts.iter().take(FIELDS) {
        let value = cut(&markdown(value), VALUE_UNITS);
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

/// Cuts escaped text, and leaves no half of an escape at its end.
fn cut(text: &str, most: usize) -> String {
    let cut = clip_units(text, most);
    if cut == text {
        return cut;
    }
    let kept = cut.trim_end_matches('…');
    let slashes = kept.len() - kept.trim_end_matches('\\').len();
    let whole = if slashes % 2 == 1 { &kept[..kept.len() - 1] } else { kept };
    format!("{whole}…")
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
