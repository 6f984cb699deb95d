//! A message in Telegram's HTML. A text has 4 096 units of UTF-16 at most, tags not counted.

use serde_json::{Value, json};

use super::config::Config;
use crate::channels::Preview;
use crate::rendering::escape::{clip_units, html};
use crate::rendering::{Brief, Telling};

const TEXT_UNITS: usize = 4_096;
/// Of each that is listed, so that twenty fit into a text below its headline.
const OTHER_UNITS: usize = 150;

/// The message; `thread` is the id of the first one about the incident.
pub(super) fn message(config: &Config, telling: &Telling<'_>) -> Value {
    let mut message = json!({
        "chat_id": config.chat_id,
        "text": text(&Brief::of(telling)),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": true},
    });
    if let Some(thread) = config.message_thread_id {
        message["message_thread_id"] = json!(thread);
    }
    if let Ok(first) = telling.message.thread.parse::<i64>() {
        message["reply_parameters"] =
            json!({"message_id": first, "allow_sending_without_reply": true});
    }
    message
}

/// Text that counts what is shown and stops when it is full. Every piece is cut before it is escaped and put
/// between its tags, so that no tag stays open.
struct Text {
    html: String,
    left: usize,
}

impl Text {
    fn break_line(&mut self) {
        if self.left > 0 {
            self.html.push('\n');
            self.left -= 1;
        }
    }

    fn push(&mut self, open: &str, text: &str, close: &str) {
        let piece = clip_units(text, self.left);
        self.left -= piece.encode_utf16().count();
        if !piece.is_empty() {
            self.html.push_str(open);
            self.html.push_str(&html(&piece));
            self.html.push_str(close);
        }
    }
}

fn text(brief: &Brief) -> String {
    let page = brief.page.as_deref().unwrap_or_default();
    // The link comes last and must not be cut.
    let mut text = Text { html: String::new(), left: TEXT_UNITS.saturating_sub(page.len() + 1) };
    text.push("<b>", &brief.headline, "</b>");
    for other in &brief.others {
        text.break_line();
        text.push("", &clip_units(&format!("• {other}"), OTHER_UNITS), "");
    }
    if !brief.summary.is_empty() {
        text.break_line();
        text.push("", &brief.summary, "");
    }
    for (name, value) in &brief.facts {
        text.break_line();
        text.push("<b>", name, "</b>");
        text.push("", &format!(": {value}"), "");
    }
    if !page.is_empty() {
        text.html.push('\n');
        text.html.push_str(&html(page));
    }
    text.html
}

pub(super) fn preview(config: &Config, telling: &Telling<'_>) -> Preview {
    Preview { text: format!("{:#}", message(config, telling)), remarks: Vec::new() }
}
