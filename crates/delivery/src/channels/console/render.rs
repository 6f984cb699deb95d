//! A message as one line.

use super::config::Config;
use crate::channels::Preview;
use crate::rendering::escape::line;
use crate::rendering::{Brief, Telling, rfc3339};

/// The line, with its end.
pub(super) fn one_line(telling: &Telling<'_>) -> String {
    let brief = Brief::of(telling);
    let message = telling.message;
    let mut text = format!("{} {}", rfc3339(message.now), brief.headline);
    for (name, value) in &brief.facts {
        if matches!(*name, "Component" | "Environment" | "Told" | "Token") {
            text.push_str(&format!(" | {}: {value}", name.to_lowercase()));
        }
    }
    if let Some(page) = &brief.page {
        text.push_str(&format!(" | {page}"));
    }
    for other in &brief.others {
        text.push_str(&format!(" | also: {other}"));
    }
    format!("{}\n", line(&text))
}

/// The line.
pub(super) fn preview(_: &Config, telling: &Telling<'_>) -> Preview {
    Preview { text: one_line(telling), remarks: Vec::new() }
}
