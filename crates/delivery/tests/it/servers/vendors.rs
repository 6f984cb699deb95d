//! What the originals take and say, as their documentation has it. A request that breaks a rule is answered as a
//! bad one, with the rule that it broke.

use serde_json::{Value, json};

use super::http::Seen;

type Checked = Result<(), String>;

/// Every one of `conditions` holds, or the first that does not is named.
fn all(conditions: &[(bool, &str)]) -> Checked {
    match conditions.iter().find(|(holds, _)| !holds) {
        Some((_, rule)) => Err((*rule).to_owned()),
        None => Ok(()),
    }
}

/// An object has these fields and may have those, and no other.
fn only(value: &Value, needed: &[&str], allowed: &[&str]) -> Checked {
    let object = value.as_object().ok_or("not an object")?;
    for name in needed {
        if !object.contains_key(*name) {
            return Err(format!("`{name}` is missing"));
        }
    }
    match object
        .keys()
        .find(|key| !needed.contains(&key.as_str()) && !allowed.contains(&key.as_str()))
    {
        Some(key) => Err(format!("`{key}` is unknown")),
        None => Ok(()),
    }
}

fn text(value: &Value, name: &str, most: usize) -> Checked {
    let text = value[name].as_str().ok_or(format!("`{name}` is no text"))?;
    let units = text.encode_utf16().count();
    if text.trim().is_empty() || units > most {
        return Err(format!("`{name}` has {units} units, at most {most}"));
    }
    Ok(())
}

fn posted_json(seen: &Seen) -> Result<Value, String> {
    all(&[
        (seen.method == "POST", "only POST is taken"),
        (seen.header("content-type") == "application/json", "only JSON is taken"),
        (seen.header("user-agent").starts_with("Stormbell/"), "who are you"),
    ])?;
    serde_json::from_slice(&seen.body).map_err(|error| error.to_string())
}

fn verdict(
    checked: Checked,
    good: (u16, String),
    bad: impl Fn(String) -> (u16, String),
) -> (u16, String) {
    match checked {
        Ok(()) => good,
        Err(rule) => bad(rule),
    }
}

fn is_page(value: &Value) -> bool {
    let pages = ["incidents/", "v1/endpoints/verify?token="];
    let rest = value.as_str().and_then(|url| url.strip_prefix("https://stormbell.example/"));
    rest.is_some_and(|rest| pages.iter().any(|page| rest.starts_with(page)))
}

fn is_time(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok() && time.ends_with('Z'))
}

// Slack

/// Slack's markup without anything that links or mentions.
fn tame_mrkdwn(text: &str) -> bool {
    let entities = ["&amp;", "&lt;", "&gt;"];
    let alone =
        text.match_indices('&').any(|(at, _)| !entities.iter().any(|e| text[at..].starts_with(e)));
    !text.contains(['<', '>']) && !alone
}

fn slack_block(block: &Value) -> Checked {
    match block["type"].as_str() {
        Some("header") => {
            only(block, &["type", "text"], &["block_id"])?;
            all(&[(block["text"]["type"] == "plain_text", "a header is plain text")])?;
            text(&block["text"], "text", 150)
        }
        Some("section") => {
            only(block, &["type"], &["text", "fields"])?;
            if let Some(said) = block.get("text") {
                text(said, "text", 3_000)?;
                all(&[(tame_mrkdwn(said["text"].as_str().unwrap_or("<")), "wild markup")])?;
            }
            let fields = block.get("fields").and_then(Value::as_array).cloned().unwrap_or_default();
            all(&[
                (fields.len() <= 10, "too many fields"),
                (block.get("text").is_some() || !fields.is_empty(), "an empty section"),
            ])?;
            for field in fields {
                text(&field, "text", 2_000)?;
                all(&[(tame_mrkdwn(field["text"].as_str().unwrap_or("<")), "wild markup")])?;
            }
            Ok(())
        }
        Some("actions") => {
            let button = &block["elements"][0];
            text(&button["text"], "text", 75)?;
            all(&[(button["type"] == "button" && is_page(&button["url"]), "no button")])
        }
        other => Err(format!("no block {other:?}")),
    }
}

fn slack_message(message: &Value, more: &[&str]) -> Checked {
    let mut allowed = vec!["unfurl_links", "unfurl_media"];
    allowed.extend(more);
    only(message, &["text", "blocks"], &allowed)?;
    text(message, "text", 4_000)?;
    all(&[(tame_mrkdwn(message["text"].as_str().unwrap_or("<")), "wild markup")])?;
    let blocks = message["blocks"].as_array().ok_or("no blocks")?;
    all(&[(blocks.len() <= 50, "too many blocks")])?;
    blocks.iter().try_for_each(slack_block)
}

pub(crate) fn slack_webhook(seen: &Seen, _: &[Seen]) -> (u16, String) {
    if seen.path != "/services/T0/B0/secretpath" {
        return (404, "no_service".to_owned());
    }
    let checked = posted_json(seen).and_then(|message| slack_message(&message, &[]));
    verdict(checked, (200, "ok".to_owned()), |rule| (400, format!("invalid_payload: {rule}")))
}

pub(crate) fn slack_api(seen: &Seen, before: &[Seen]) -> (u16, String) {
    let no = |error: &str| (200, json!({"ok": false, "error": error}).to_string());
    if seen.header("authorization") != "Bearer xoxb-good" {
        return no("invalid_auth");
    }
    let ts = |place: usize| format!("1700000000.{place:06}");
    let made = |wanted: &Value| {
        (0..before.len())
            .any(|at| before[at].path == "/api/chat.postMessage" && *wanted == json!(ts(at)))
    };
    let checked = posted_json(seen).and_then(|message| {
        slack_message(&message, &["channel", "thread_ts", "ts"])?;
        Ok(message)
    });
    let message = match checked {
        Ok(message) => message,
        Err(rule) => return no(&format!("invalid_blocks {rule}")),
    };
    let named = message["channel"].as_str().unwrap_or_default();
    if !matches!(named, "C1" | "#ops") {
        return no("channel_not_found");
    }
    match seen.path.as_str() {
        "/api/chat.postMessage" if message.get("ts").is_some() => no("invalid_arguments"),
        "/api/chat.postMessage" => {
            if message.get("thread_ts").is_some_and(|thread| !made(thread)) {
                return no("thread_not_found");
            }
            (
                200,
                json!({"ok": true, "channel": "C1", "ts": ts(before.len()), "message": {}})
                    .to_string(),
            )
        }
        // Only the id of a channel is taken here.
        "/api/chat.update" if named != "C1" => no("channel_not_found"),
        "/api/chat.update" if !made(&message["ts"]) => no("message_not_found"),
        "/api/chat.update" => {
            (200, json!({"ok": true, "channel": "C1", "ts": message["ts"]}).to_string())
        }
        _ => no("unknown_method"),
    }
}

// PagerDuty

pub(crate) fn pagerduty(seen: &Seen, _: &[Seen]) -> (u16, String) {
    let checked = posted_json(seen).and_then(|event| {
        all(&[
            (seen.path == "/v2/enqueue", "no such path"),
            (event["routing_key"] == "R0123456789abcdef0123456789abcdef", "Invalid routing key"),
        ])?;
        only(
            &event,
            &["routing_key", "event_action", "dedup_key", "payload"],
            &["client", "client_url", "links", "images"],
        )?;
        text(&event, "dedup_key", 255)?;
        let payload = &event["payload"];
        only(
            payload,
            &["summary", "source", "severity"],
            &["timestamp", "component", "group", "class", "custom_details"],
        )?;
        text(payload, "summary", 1_024)?;
        text(payload, "source", 1_024)?;
        let (action, severity) = (event["event_action"].as_str(), payload["severity"].as_str());
        all(&[
            (matches!(action, Some("trigger" | "acknowledge" | "resolve")), "no such action"),
            (matches!(severity, Some("critical" | "error" | "warning" | "info")), "severity"),
            (is_time(&payload["timestamp"]), "timestamp"),
        ])
    });
    let good = json!({"status": "success", "message": "Event processed", "dedup_key": "x"});
    verdict(checked, (202, good.to_string()), |rule| {
        (400, json!({"status": "invalid event", "errors": [rule]}).to_string())
    })
}

// Opsgenie

pub(crate) fn opsgenie(seen: &Seen, _: &[Seen]) -> (u16, String) {
    if seen.header("authorization") != "GenieKey genie-key-1" {
        return (401, json!({"message": "Could not authenticate"}).to_string());
    }
    let checked = posted_json(seen).and_then(|body| {
        if seen.path == "/v2/alerts" {
            only(
                &body,
                &["message", "alias"],
                &[
                    "description",
                    "responders",
                    "tags",
                    "details",
                    "entity",
                    "source",
                    "priority",
                    "note",
                ],
            )?;
            text(&body, "message", 130)?;
            text(&body, "alias", 512)?;
            text(&body, "description", 15_000)?;
            let tags = body["tags"].as_array().ok_or("no tags")?;
            let fit =
                tags.iter().all(|tag| tag.as_str().is_some_and(|tag| tag.chars().count() <= 50));
            let details = body["details"].as_object().ok_or("no details")?;
            let priority = body["priority"].as_str();
            all(&[
                (fit && tags.len() <= 20, "tags"),
                (details.values().all(Value::is_string), "details are texts"),
                (matches!(priority, Some("P1" | "P2" | "P3" | "P4" | "P5")), "priority"),
            ])
        } else {
            let rest = seen.path.strip_prefix("/v2/alerts/").ok_or("no such path")?;
            let (alias, verb) = rest.split_once('/').ok_or("no such path")?;
            only(&body, &[], &["user", "source", "note"])?;
            let verbs = ["acknowledge?identifierType=alias", "close?identifierType=alias"];
            all(&[(!alias.is_empty() && verbs.contains(&verb), "no such path")])
        }
    });
    let good = json!({"result": "Request will be processed", "took": 0.1, "requestId": "r1"});
    verdict(checked, (202, good.to_string()), |rule| (422, json!({"message": rule}).to_string()))
}

// Microsoft Teams

pub(crate) fn teams(seen: &Seen, _: &[Seen]) -> (u16, String) {
    let checked = posted_json(seen).and_then(|message| {
        only(&message, &["type", "attachments"], &[])?;
        let attachment = &message["attachments"][0];
        only(attachment, &["contentType", "content"], &["contentUrl"])?;
        let card = &attachment["content"];
        all(&[
            (seen.path == "/workflows/1?sig=secretsig", "no such workflow"),
            (seen.body.len() <= 28 << 10, "too large"),
            (message["type"] == "message", "type"),
            (
                attachment["contentType"] == "application/vnd.microsoft.card.adaptive",
                "type of card",
            ),
            (card["type"] == "AdaptiveCard" && card["version"] == "1.4", "card"),
        ])?;
        let body = card["body"].as_array().ok_or("no body")?;
        for block in body {
            let runs = block["inlines"].as_array().ok_or("no runs")?;
            all(&[(block["type"] == "RichTextBlock", "texts stand in runs only")])?;
            for run in runs {
                all(&[(run["type"] == "TextRun", "texts stand in runs only")])?;
                text(run, "text", 8_000)?;
            }
        }
        let actions = card["actions"].as_array().cloned().unwrap_or_default();
        all(&[(
            actions.iter().all(|one| one["type"] == "Action.OpenUrl" && is_page(&one["url"])),
            "actions",
        )])
    });
    verdict(checked, (202, String::new()), |rule| (400, rule))
}

// Discord

pub(crate) fn discord(seen: &Seen, _: &[Seen]) -> (u16, String) {
    let checked = posted_json(seen).and_then(|message| {
        all(&[(seen.path == "/api/webhooks/1/secrettoken?wait=true", "Unknown Webhook")])?;
        only(&message, &["content", "embeds", "allowed_mentions"], &["username"])?;
        text(&message, "content", 2_000)?;
        all(&[(message["allowed_mentions"] == json!({"parse": []}), "mentions are allowed")])?;
        let embed = &message["embeds"][0];
        only(embed, &["title"], &["description", "url", "color", "timestamp", "fields"])?;
        text(embed, "title", 256)?;
        let mut units = embed["title"].as_str().unwrap_or_default().encode_utf16().count();
        if embed.get("description").is_some() {
            text(embed, "description", 4_096)?;
            units += embed["description"].as_str().unwrap_or_default().encode_utf16().count();
        }
        let fields = embed["fields"].as_array().ok_or("no fields")?;
        for field in fields {
            text(field, "name", 256)?;
            text(field, "value", 1_024)?;
            let both = [&field["name"], &field["value"]];
            units += both
                .iter()
                .filter_map(|text| text.as_str())
                .map(|text| text.encode_utf16().count())
                .sum::<usize>();
        }
        all(&[
            (fields.len() <= 25, "too many fields"),
            (units <= 6_000, "too large in all"),
            (embed["color"].as_u64().is_some_and(|color| color <= 0x00ff_ffff), "color"),
            (is_time(&embed["timestamp"]), "timestamp"),
        ])
    });
    verdict(checked, (200, json!({"id": "1101", "type": 0}).to_string()), |rule| {
        (400, json!({"message": rule, "code": 50_035}).to_string())
    })
}

// Telegram

/// Telegram's HTML: known tags that are closed in order, everything else escaped.
fn telegram_html(text: &str) -> Result<usize, String> {
    let (mut open, mut shown, mut rest) = (Vec::new(), String::new(), text);
    while let Some(sign) = rest.chars().next() {
        if let Some(inside) = rest.strip_prefix('<') {
            let end = inside.find('>').ok_or("can't parse entities: an open tag")?;
            let tag = &inside[..end];
            if let Some(name) = tag.strip_prefix('/') {
                if open.pop() != Some(name.to_owned()) {
                    return Err("can't parse entities: tags cross".to_owned());
                }
            } else if tag == "b" {
                open.push(tag.to_owned());
            } else {
                return Err(format!("can't parse entities: tag {tag}"));
            }
            rest = &inside[end + 1..];
        } else if sign == '&' {
            let end = rest.find(';').ok_or("can't parse entities: &")?;
            let known = ["&amp", "&lt", "&gt", "&quot", "&#39"];
            if !known.contains(&&rest[..end]) {
                return Err("can't parse entities: unknown".to_owned());
            }
            shown.push('.');
            rest = &rest[end + 1..];
        } else {
            shown.push(sign);
            rest = &rest[sign.len_utf8()..];
        }
    }
    if open.is_empty() { Ok(shown.encode_utf16().count()) } else { Err("an open tag".to_owned()) }
}

pub(crate) fn telegram(seen: &Seen, _: &[Seen]) -> (u16, String) {
    let no = |code: u16, description: &str| {
        (code, json!({"ok": false, "error_code": code, "description": description}).to_string())
    };
    if seen.path != "/bot12:secret-token/sendMessage" {
        return no(404, "Not Found");
    }
    let checked = posted_json(seen).and_then(|message| {
        only(
            &message,
            &["chat_id", "text", "parse_mode"],
            &["message_thread_id", "link_preview_options", "reply_parameters"],
        )?;
        let units = telegram_html(message["text"].as_str().ok_or("no text")?)?;
        all(&[
            (message["chat_id"] == "-100", "chat not found"),
            (message["parse_mode"] == "HTML", "unsupported parse_mode"),
            ((1..=4_096).contains(&units), "message is too long"),
        ])
    });
    let good = json!({"ok": true, "result": {"message_id": 77, "date": 1}});
    verdict(checked, (200, good.to_string()), |rule| no(400, &format!("Bad Request: {rule}")))
}

// Mattermost

pub(crate) fn mattermost(seen: &Seen, _: &[Seen]) -> (u16, String) {
    let checked = posted_json(seen).and_then(|message| {
        all(&[(seen.path == "/hooks/secrethook", "no such hook")])?;
        only(&message, &["text"], &["attachments", "channel", "username", "icon_url", "props"])?;
        text(&message, "text", 4_000)?;
        let mention = |text: &str| {
            ["@everyone", "@here", "@channel", "@all"].iter().any(|m| text.contains(m))
        };
        let attachment = &message["attachments"][0];
        let mut shown = ["text", "title", "fallback"].map(|name| &attachment[name]).to_vec();
        shown.push(&message["text"]);
        all(&[
            (!shown.iter().any(|text| text.as_str().is_some_and(mention)), "a mention"),
            (attachment["fallback"].is_string(), "no fallback"),
        ])
    });
    verdict(checked, (200, "ok".to_owned()), |rule| (400, rule))
}

// ntfy

pub(crate) fn ntfy(seen: &Seen, _: &[Seen]) -> (u16, String) {
    if seen.header("authorization") != "Bearer tk_secret" {
        return (403, json!({"code": 40_301, "http": 403, "error": "forbidden"}).to_string());
    }
    let checked = posted_json(seen).and_then(|message| {
        only(&message, &["topic"], &["message", "title", "tags", "priority", "click", "markdown"])?;
        let length = message["message"].as_str().ok_or("no message")?.len();
        all(&[
            (seen.path == "/", "no such path"),
            (message["topic"] == "ops", "no topic"),
            (length <= 4_096, "an attachment"),
            (
                message["priority"].as_u64().is_some_and(|level| (1..=5).contains(&level)),
                "priority",
            ),
            (
                message["tags"].as_array().is_some_and(|tags| tags.iter().all(Value::is_string)),
                "tags",
            ),
        ])
    });
    let good = json!({"id": "n1", "event": "message", "topic": "ops"});
    verdict(checked, (200, good.to_string()), |rule| (400, json!({"error": rule}).to_string()))
}

// Alertmanager's webhook

pub(crate) fn alertmanager(seen: &Seen, _: &[Seen]) -> (u16, String) {
    if seen.header("authorization") != "Bearer am-secret" {
        return (401, "unauthorized".to_owned());
    }
    let checked = posted_json(seen).and_then(|group| {
        let fields = [
            "version",
            "groupKey",
            "truncatedAlerts",
            "status",
            "receiver",
            "groupLabels",
            "commonLabels",
            "commonAnnotations",
            "externalURL",
            "alerts",
        ];
        only(&group, &fields, &[])?;
        let texts =
            |value: &Value| value.as_object().is_some_and(|all| all.values().all(Value::is_string));
        let alerts = group["alerts"].as_array().ok_or("no alerts")?;
        let firing = alerts.iter().any(|alert| alert["status"] == "firing");
        all(&[
            (group["version"] == "4", "version"),
            (group["truncatedAlerts"] == 0, "truncated"),
            (group["status"] == if firing { "firing" } else { "resolved" }, "status"),
            (texts(&group["groupLabels"]) && texts(&group["commonLabels"]), "labels"),
        ])?;
        for alert in alerts {
            only(
                alert,
                &[
                    "status",
                    "labels",
                    "annotations",
                    "startsAt",
                    "endsAt",
                    "generatorURL",
                    "fingerprint",
                ],
                &[],
            )?;
            let print = alert["fingerprint"].as_str().unwrap_or_default();
            let ended = alert["endsAt"] != "0001-01-01T00:00:00Z";
            all(&[
                (texts(&alert["labels"]) && texts(&alert["annotations"]), "texts"),
                (alert["labels"]["alertname"].is_string(), "no alertname"),
                (is_time(&alert["startsAt"]) && is_time(&alert["endsAt"]), "times"),
                (ended == (alert["status"] == "resolved"), "an end"),
                (print.len() == 16 && u64::from_str_radix(print, 16).is_ok(), "fingerprint"),
            ])?;
        }
        Ok(())
    });
    verdict(checked, (200, String::new()), |rule| (400, rule))
}

// Our own webhook

pub(crate) fn webhook(seen: &Seen, _: &[Seen]) -> (u16, String) {
    let checked = posted_json(seen).and_then(|body| {
        let fields = [
            "notification_id",
            "subscriber_id",
            "transition",
            "rule_ids",
            "severity",
            "source",
            "name",
            "context",
            "incident",
            "signal",
            "sent_at",
        ];
        only(&body, &fields, &["digest"])?;
        let incident = [
            "id",
            "number",
            "title",
            "status",
            "severity",
            "component",
            "component_type",
            "environment",
            "grouping_key",
            "signal_count",
            "opened_at",
            "acknowledged_at",
            "resolved_at",
            "closed_at",
            "assignee",
            "mttr_seconds",
        ];
        let signal = [
            "id",
            "component",
            "component_type",
            "kind",
            "severity",
            "source",
            "environment",
            "status",
            "summary",
            "labels",
            "payload",
            "occurred_at",
            "trace_id",
            "error_code",
            "incident_id",
        ];
        if !body["incident"].is_null() {
            only(&body["incident"], &incident, &["url"])?;
        }
        if !body["signal"].is_null() {
            only(&body["signal"], &signal, &[])?;
        }
        let (key, is_alone) = (seen.header("idempotency-key"), body.get("digest").is_none());
        all(&[
            (seen.path == "/hook", "no such path"),
            (seen.header("authorization") == "Token whsec", "not authorized"),
            ((key == body["notification_id"]) == is_alone && key.len() == 36, "idempotency key"),
            (seen.header("stormbell-signature").starts_with("t=1700000000,v1="), "signature"),
            (is_time(&body["sent_at"]), "sent_at"),
        ])
    });
    verdict(checked, (204, String::new()), |rule| (400, rule))
}
