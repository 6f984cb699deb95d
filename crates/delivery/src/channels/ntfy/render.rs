//! A message as plain text. A message has 4 096 bytes at most, else ntfy makes a file of it; a title is cut to 250.

use model::Severity;
use serde_json::{Value, json};

use super::config::Config;
use crate::channels::Preview;
use crate::rendering::escape::clip_bytes;
use crate::rendering::{Brief, Telling, Tone};

const MESSAGE_BYTES: usize = 4_096;
const TITLE_BYTES: usize = 250;
/// Of each that is listed, so that twenty fit into a message.
const OTHER_BYTES: usize = 200;

/// The message.
pub(super) fn message(config: &Config, telling: &Telling<'_>) -> Value {
    let brief = Brief::of(telling);
    let listed = |other: &String| clip_bytes(&format!("• {other}"), OTHER_BYTES);
    let mut lines: Vec<_> = brief.others.iter().map(listed).collect();
    lines.extend(Some(brief.summary.clone()).filter(|summary| !summary.is_empty()));
    lines.extend(brief.facts.iter().map(|(name, value)| format!("{name}: {value}")));
    let mut message = json!({
        "topic": config.topic,
        "title": clip_bytes(&brief.headline, TITLE_BYTES),
        "message": clip_bytes(&lines.join("\n"), MESSAGE_BYTES),
        "priority": priority(brief.tone),
        "tags": [tag(brief.tone)],
    });
    if let Some(page) = &brief.page {
        message["click"] = json!(page);
    }
    message
}

/// 5 rings until it is heard, 3 is as usual, 2 makes no sound.
const fn priority(tone: Tone) -> u8 {
    match tone {
        Tone::Wrong(Severity::P0) => 5,
        Tone::Wrong(Severity::P1) => 4,
        Tone::Wrong(Severity::P2) | Tone::Taken | Tone::Over => 3,
        Tone::Wrong(Severity::P3) => 2,
    }
}

/// Becomes a picture before the title.
const fn tag(tone: Tone) -> &'static str {
    match tone {
        Tone::Wrong(Severity::P0 | Severity::P1) => "rotating_light",
        Tone::Wrong(Severity::P2 | Severity::P3) => "warning",
        Tone::Taken => "eyes",
        Tone::Over => "white_check_mark",
    }
}

pub(super) fn preview(config: &Config, telling: &Telling<'_>) -> Preview {
    Preview { text: format!("{:#}", message(config, telling)), remarks: Vec::new() }
}
