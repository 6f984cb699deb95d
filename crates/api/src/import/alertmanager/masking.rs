//! A configuration without its secrets: `<secret>` stands in the place of each, as Alertmanager itself shows
//! it and `amtool` reads it.
//!
//! Invariant: the text of a secret is nowhere in what comes out.

use std::ops::Range;

use super::super::yaml::{Content, Node};

const MASK: &str = "<secret>";
/// Texts that are shorter may stand anywhere by chance, and are masked in their places only.
const TELLING_BYTES: usize = 8;

/// Keys whose values are secret wherever they stand.
const SECRET: [&str; 24] = [
    "api_key",
    "api_secret",
    "app_token",
    "auth_password",
    "auth_secret",
    "bearer_token",
    "bot_token",
    "client_secret",
    "credentials",
    "incoming_webhook",
    "opsgenie_api_key",
    "password",
    "routing_key",
    "secret_key",
    "service_key",
    "slack_api_url",
    "slack_app_token",
    "smtp_auth_password",
    "smtp_auth_secret",
    "token",
    "user_key",
    "victorops_api_key",
    "webhook_url",
    "wechat_api_secret",
];

/// Masks every secret.
///
/// # Errors
/// A secret that is written over several lines.
pub(super) fn mask(text: &str, root: &Node) -> Result<String, String> {
    let mut found = Vec::new();
    collect("", root, &mut found)?;
    found.sort_by_key(|secret| secret.place.start);
    found.dedup_by_key(|secret| secret.place.start);
    let (mut masked, mut end) = (String::with_capacity(text.len()), 0);
    for secret in &found {
        masked.push_str(&text[end..secret.place.start]);
        masked.push_str(&secret.shown);
        end = secret.place.end;
    }
    masked.push_str(&text[end..]);
    for Secret { text: secret, .. } in &found {
        if secret.len() >= TELLING_BYTES && masked.contains(secret.as_str()) {
            masked = masked.replace(secret.as_str(), MASK);
        }
    }
    Ok(masked)
}

struct Secret {
    place: Range<usize>,
    text: String,
    shown: String,
}

/// `inside` is the key of the map or list that `node` stands in.
fn collect(inside: &str, node: &Node, found: &mut Vec<Secret>) -> Result<(), String> {
    match &node.content {
        Content::Empty | Content::Text(_) => {}
        Content::List(items) => {
            for item in items {
                collect(inside, item, found)?;
            }
        }
        Content::Map(entries) => {
            for (key, value) in entries {
                match &value.content {
                    Content::Text(text) => {
                        let Some(shown) = shown(inside, key, text) else { continue };
                        let place = value.place.clone().ok_or_else(|| {
                            format!(
                                "line {}: write `{key}` on one line, so that it can be kept secret",
                                value.line
                            )
                        })?;
                        found.push(Secret { place, text: text.clone(), shown });
                    }
                    // Headers that are secret come as lists: `http_headers: {X: {secrets: […]}}`.
                    Content::List(items) if key == "secrets" => {
                        for item in items {
                            let place = item.place.clone().ok_or_else(|| {
                                format!("line {}: write the secret on one line", item.line)
                            })?;
                            let text = item.text().unwrap_or_default().to_owned();
                            found.push(Secret { place, text, shown: MASK.to_owned() });
                        }
                    }
                    Content::Empty | Content::List(_) | Content::Map(_) => {
                        collect(key, value, found)?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// What is shown in the place of a secret; nothing where it is none.
fn shown(inside: &str, key: &str, text: &str) -> Option<String> {
    let is_label = matches!(inside, "match" | "match_re" | "source_match" | "target_match");
    if is_label || text == MASK || text.is_empty() {
        return None;
    }
    // VictorOps' routing key is a name and no secret; masked anyway, because it does no harm.
    let is_slack_address = inside == "slack_configs" && key == "api_url";
    if SECRET.contains(&key) || is_slack_address {
        return Some(MASK.to_owned());
    }
    let is_address = key == "proxy_url" || (inside == "webhook_configs" && key == "url");
    if is_address { address(text) } else { None }
}

/// An address without what may be secret in it: clients refuse a mask that is no address.
fn address(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let path = if matches!(path, "" | "/") { path } else { "/masked" };
    let shown = format!("{scheme}://{host}{path}");
    (shown != text).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::super::super::yaml;
    use super::*;

    #[test]
    fn every_secret_is_masked_and_nothing_else_changes() {
        let text = "\
global: # slack: https://hooks.slack.com/T0/B0/xyz
  slack_api_url: 'https://hooks.slack.com/T0/B0/xyz'
  smtp_auth_password: hunter2
route: {receiver: a, routes: [{match: {token: red}}]}
receivers:
- name: a
  webhook_configs:
  - url: https://u:p@hook.example/x?token=1
    http_config: {basic_auth: {username: me, password: \"p w\"}, http_headers: {X: {secrets: [abc]}}}
  - url: http://plain.example
  slack_configs: [{api_url: &u https://hooks.slack.com/other, channel: '#a'}, {api_url: *u}]
  opsgenie_configs: [{api_url: https://api.example/, api_key: k}]
";
        let masked = mask(text, &yaml::read(text).unwrap()).unwrap();
        let expected = "\
global: # slack: <secret>
  slack_api_url: <secret>
  smtp_auth_password: <secret>
route: {receiver: a, routes: [{match: {token: red}}]}
receivers:
- name: a
  webhook_configs:
  - url: https://hook.example/masked
    http_config: {basic_auth: {username: me, password: <secret>}, http_headers: {X: {secrets: [<secret>]}}}
  - url: http://plain.example
  slack_configs: [{api_url: &u <secret>, channel: '#a'}, {api_url: *u}]
  opsgenie_configs: [{api_url: https://api.example/, api_key: <secret>}]
";
        assert_eq!(masked, expected);
    }

    #[test]
    fn a_secret_over_several_lines_is_refused() {
        let text = "global:\n  slack_api_url: |\n    https://x/\n";
        assert!(mask(text, &yaml::read(text).unwrap()).is_err());
    }
}
