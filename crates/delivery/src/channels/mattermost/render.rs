//! A message with one attachment. A text has 4 000 characters at most, which every server takes.

use serde_json::{Value, json};

use super::config::Config;
use crate::channels::Preview;
use crate::rendering::escape::{clip, clip_marked, markdown, unmentioned};
use crate::rendering::{Brief, Telling, Tone};

const TEXT_CHARS: usize = 4_000;
/// Of each that is listed, so that twenty fit into a text.
const OTHER_CHARS: usize = 195;

/// The message. Mentions are broken up by the escaping; there is no switch for them.
pub(super) fn message(config: &Config, telling: &Telling<'_>) -> Value {
    let brief = Brief::of(telling);
    let listed = |other: &String| format!("* {}", clip_marked(&markdown(other), OTHER_CHARS));
    let mut text: Vec<_> = brief.others.iter().map(listed).collect();
    if !brief.summary.is_empty() {
        // A list ends where a line is empty.
        text.extend(Some(String::new()).filter(|_| !brief.others.is_empty()));
        text.push(markdown(&brief.summary));
    }
    let short = |value: &str| value.chars().count() < 40;
    let field = |(name, value): &(&'static str, String)| json!({"title": name, "value": clip(&markdown(value), TEXT_CHARS), "short": short(value)});
    // A title that leads to a page is shown as it is; any other is read for links.
    let title = match brief.page {
        Some(_) => unmentioned(&brief.title),
        None => markdown(&brief.title),
    };
    let mut attachment = json!({
        "fallback": unmentioned(&brief.headline),
        "color": color(brief.tone),
        "title": title,
        "text": clip(&text.join("\n"), TEXT_CHARS),
        "fields": brief.facts.iter().map(field).collect::<Vec<_>>(),
    });
    if let Some(page) = &brief.page {
        attachment["title_link"] = json!(page);
    }
    let mut message = json!({
        "text": clip(&markdown(&brief.headline), TEXT_CHARS),
        "attachments": [attachment],
    });
    for (name, value) in [("channel", &config.channel), ("username", &config.username)] {
        if let Some(value) = value {
            message[name] = json!(value);
        }
    }
    message
}

const fn color(tone: Tone) -> &'static str {
    match tone {
        Tone::Wrong(model::Severity::P0) => "#b31412",
        Tone::Wrong(model::Severity::P1) => "#d93025",
        Tone::Wrong(model::Severity::P2) => "#f29900",
        Tone::Wrong(model::Severity::P3) | Tone::Taken => "#1a73e8",
        Tone::Over => "#188038",
    }
}

pub(super) fn preview(config: &Config, telling: &Telling<'_>) -> Preview {
    Preview { text: format!("{:#}", message(config, telling)), remarks: Vec::new() }
}
