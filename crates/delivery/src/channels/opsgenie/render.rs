//! A message as an alert, or as a word about one. Limits are those of Opsgenie: a message has 130 characters, a
//! description 15 000, an entity 512, a source 100, a note 25 000, and there are 20 tags of 50.

use model::Severity;
use serde_json::{Map, Value, json};

use super::config::Config;
use crate::channels::Preview;
use crate::rendering::brief::tone;
use crate::rendering::escape::{clip, clip_escaped, html, line};
use crate::rendering::{Brief, Telling, Tone, subject_key};

const MESSAGE_CHARS: usize = 130;
const DESCRIPTION_CHARS: usize = 15_000;
const ENTITY_CHARS: usize = 512;
const TAGS: usize = 20;
const TAG_CHARS: usize = 50;

/// What is asked of Opsgenie.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
    /// The path after `v2/`.
    pub(super) path: String,
    /// The body.
    pub(super) body: Value,
    /// The alias of the alert.
    pub(super) alias: String,
}

/// What is asked of Opsgenie.
pub(super) fn asked(config: &Config, telling: &Telling<'_>) -> Asked {
    let alias = subject_key(telling.message.notification);
    let brief = Brief::of(telling);
    // An alias is made of letters, digits and hyphens only: it needs no escaping in a path.
    let action = |verb: &str| format!("alerts/{alias}/{verb}?identifierType=alias");
    let note = json!({"source": "Stormbell", "note": clip(&brief.plain(), DESCRIPTION_CHARS)});
    match tone(telling.message.notification) {
        Tone::Wrong(severity) => {
            let body = alert(config, telling, &brief, severity, &alias);
            Asked { path: "alerts".to_owned(), body, alias }
        }
        Tone::Taken => Asked { path: action("acknowledge"), body: note, alias },
        Tone::Over => Asked { path: action("close"), body: note, alias },
    }
}

fn alert(
    config: &Config,
    telling: &Telling<'_>,
    brief: &Brief,
    severity: Severity,
    alias: &str,
) -> Value {
    let notice = &telling.message.notification.notice;
    let facts = brief.facts.iter().map(|(name, value)| ((*name).to_owned(), json!(html(value))));
    let mut details: Map<String, Value> = facts.collect();
    if let Some(page) = &brief.page {
        details.insert("Page".to_owned(), json!(page));
    }
    let component = match (&notice.incident, &notice.signal) {
        (Some(incident), _) => line(&incident.component),
        (None, Some(signal)) => line(&signal.component),
        (None, None) => String::new(),
    };
    let mut tags = config.tags.clone();
    tags.push(severity.to_string());
    tags.extend(Some(line(&component)).filter(|tag| !tag.is_empty()));
    tags.truncate(TAGS);
    let tags: Vec<_> = tags.iter().map(|tag| clip(tag, TAG_CHARS)).collect();
    let mut alert = json!({
        "message": clip_escaped(&html(&brief.headline), MESSAGE_CHARS),
        "alias": alias,
        "description": clip_escaped(&html(&brief.plain()), DESCRIPTION_CHARS),
        "details": details,
        "entity": clip_escaped(&html(&component), ENTITY_CHARS),
        "source": "Stormbell",
        "priority": priority(severity),
        "tags": tags,
    });
    if !config.teams.is_empty() {
        let teams = config.teams.iter().map(|name| json!({"name": name, "type": "team"}));
        alert["responders"] = teams.collect();
    }
    alert
}

/// Opsgenie counts from 1.
const fn priority(severity: Severity) -> &'static str {
    match severity {
        Severity::P0 => "P1",
        Severity::P1 => "P2",
        Severity::P2 => "P3",
        Severity::P3 => "P4",
    }
}

pub(super) fn preview(config: &Config, telling: &Telling<'_>) -> Preview {
    let asked = asked(config, telling);
    let text = format!("POST /v2/{}\n{:#}", asked.path, asked.body);
    Preview { text, remarks: Vec::new() }
}
