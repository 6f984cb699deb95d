//! Receivers as subscribers, and their integrations as endpoints: addresses and credentials are taken over,
//! the wording of messages is not.
//!
//! Refuses to know what a channel makes of its configuration: that is checked where the endpoint is made.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::yaml::{Content, Node};
use super::configuration::{Configuration, Receiver, flag};
use super::plan::{PlannedEndpoint, PlannedReceiver};
use super::report::{Report, Verdict};

/// The receivers, in order. What could be made of an integration is said when its endpoint is checked.
pub(super) fn map(configuration: &Configuration<'_>, report: &mut Report) -> Vec<PlannedReceiver> {
    configuration.receivers.iter().map(|it| receiver(configuration, it, report)).collect()
}

fn receiver(
    configuration: &Configuration<'_>,
    receiver: &Receiver<'_>,
    report: &mut Report,
) -> PlannedReceiver {
    let mut planned = PlannedReceiver {
        name: receiver.name.clone(),
        endpoints: Vec::new(),
        tells_somebody: !receiver.integrations.is_empty(),
    };
    let into = vec![format!("subscriber {}", receiver.name)];
    report.add(receiver.path.as_str(), receiver.line, Verdict::Mapped, into, "");
    for (kind, element, node) in &receiver.integrations {
        let integration = Integration { configuration, receiver, node, used: RefCell::default() };
        match integration.endpoint(kind) {
            Ok((channel, config, remark)) => planned.endpoints.push(PlannedEndpoint {
                element: element.clone(),
                line: node.line,
                channel,
                name: element[receiver.path.len()..].trim_start_matches('.').to_owned(),
                config,
                send_resolved: integration.send_resolved(kind),
                note: integration.note(remark),
            }),
            Err(why) => report.unsupported(element.as_str(), node.line, why),
        }
    }
    planned
}

type Endpoint = Result<(&'static str, Value, &'static str), String>;

/// One integration that is being read.
struct Integration<'i, 'n> {
    configuration: &'i Configuration<'n>,
    receiver: &'i Receiver<'n>,
    node: &'n Node,
    /// Keys that were looked at.
    used: RefCell<BTreeSet<&'static str>>,
}

impl<'n> Integration<'_, 'n> {
    fn endpoint(&self, kind: &str) -> Endpoint {
        match kind {
            "webhook_configs" => self.webhook(),
            "slack_configs" => self.slack(),
            "pagerduty_configs" => self.pagerduty(),
            "email_configs" => self.email(),
            "opsgenie_configs" => self.opsgenie(),
            "telegram_configs" => self.telegram(),
            "discord_configs" => {
                let mut config = self.address("webhook_url", None)?;
                self.copy(&mut config, &[("username", "username")]);
                Ok(("discord", Value::Object(config), ""))
            }
            "msteams_configs" | "msteamsv2_configs" => {
                let config = self.address("webhook_url", None)?;
                let remark = "sent as an adaptive card, which webhooks of workflows take; those of the connectors of old do not";
                let remark = if kind == "msteams_configs" { remark } else { "" };
                Ok(("teams", Value::Object(config), remark))
            }
            "mattermost_configs" => {
                let mut config = self.address("webhook_url", None)?;
                self.copy(&mut config, &[("channel", "channel"), ("username", "username")]);
                Ok(("mattermost", Value::Object(config), ""))
            }
            _ => {
                Err("there is no channel for it; a webhook can carry the same to a bridge"
                    .to_owned())
            }
        }
    }

    fn webhook(&self) -> Endpoint {
        let mut config = self.address("url", None)?;
        config.insert("receiver".to_owned(), json!(self.receiver.name));
        if let Some(http) = self.get("http_config") {
            self.access(http, &mut config)?;
        }
        Ok(("alertmanager", Value::Object(config), ""))
    }

    /// Who we are to a webhook.
    fn access(&self, http: &Node, config: &mut Map<String, Value>) -> Result<(), String> {
        let Content::Map(entries) = &http.content else { return Ok(()) };
        let text = |node: Option<&Node>| node.and_then(Node::text).map(str::to_owned);
        for (key, node) in entries {
            match key.as_str() {
                "bearer_token" => {
                    config.insert("token".to_owned(), json!(text(Some(node))));
                }
                "authorization" => {
                    let scheme = text(node.get("type")).unwrap_or_else(|| "Bearer".to_owned());
                    let token = text(node.get("credentials"));
                    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
                    let token = token.filter(|_| is_bearer).ok_or(UNREADABLE)?;
                    config.insert("token".to_owned(), json!(token));
                }
                "basic_auth" => {
                    let username = text(node.get("username")).ok_or(UNREADABLE)?;
                    let password = text(node.get("password")).ok_or(UNREADABLE)?;
                    config.insert("username".to_owned(), json!(username));
                    config.insert("password".to_owned(), json!(password));
                }
                "follow_redirects" | "enable_http2" => {}
                _ => return Err(format!("its `http_config.{key}` has no counterpart")),
            }
        }
        Ok(())
    }

    fn slack(&self) -> Endpoint {
        let http = self.get("http_config");
        let token =
            http.and_then(|it| it.get("authorization")).and_then(|it| it.get("credentials"));
        let Some(token) = token.and_then(Node::text) else {
            let config = self.address("api_url", Some("slack_api_url"))?;
            let remark = "sent to the channel that the webhook belongs to";
            return Ok(("slack", Value::Object(config), remark));
        };
        self.text("api_url");
        let channel = self.text("channel").ok_or("it names no channel")?;
        Ok(("slack", json!({ "token": token, "channel": channel }), ""))
    }

    fn pagerduty(&self) -> Endpoint {
        let (routing, service) = (self.text("routing_key"), self.text("service_key"));
        let remark = match &routing {
            Some(_) => "",
            None => {
                "the key of an integration of the Events API v1 is used for v2, which takes it only where the integration speaks both"
            }
        };
        let key = routing.or(service).ok_or(UNREADABLE)?;
        let mut config = Map::new();
        config.insert("routing_key".to_owned(), json!(key));
        let url = self.text("url").or_else(|| self.global("pagerduty_url"));
        if let Some(url) = url {
            let base = url.trim_end_matches("/v2/enqueue").to_owned();
            config.insert("base_url".to_owned(), json!(base));
        }
        Ok(("pagerduty", Value::Object(config), remark))
    }

    fn email(&self) -> Endpoint {
        let text = |own: &'static str, global: &str| {
            self.text(own).or_else(|| self.global(global)).filter(|text| !text.is_empty())
        };
        let smarthost = text("smarthost", "smtp_smarthost").ok_or("it names no mail server")?;
        let (host, port) = smarthost.rsplit_once(':').ok_or("its mail server has no port")?;
        let port: u16 = port.parse().map_err(|_| "the port of its mail server is no number")?;
        let requires = text("require_tls", "smtp_require_tls").as_deref() != Some("false");
        let tls = match (port, requires) {
            (465, _) => "tls",
            (_, true) => "starttls",
            (_, false) => "none",
        };
        let to = self.text("to").ok_or("it names nobody")?;
        let to: Vec<&str> = to.split(',').map(str::trim).filter(|it| !it.is_empty()).collect();
        let from = text("from", "smtp_from").ok_or("it does not say from whom")?;
        let host = host.trim_matches(['[', ']']);
        let mut config = json!({ "host": host, "port": port, "tls": tls, "from": from, "to": to });
        if let Some(username) = text("auth_username", "smtp_auth_username") {
            let password = text("auth_password", "smtp_auth_password").ok_or(UNREADABLE)?;
            config["username"] = json!(username);
            config["password"] = json!(password);
        }
        Ok(("email", config, ""))
    }

    fn opsgenie(&self) -> Endpoint {
        let key = self.text("api_key").or_else(|| self.global("opsgenie_api_key"));
        let mut config = Map::new();
        config.insert("api_key".to_owned(), json!(key.ok_or(UNREADABLE)?));
        let url = self.text("api_url").or_else(|| self.global("opsgenie_api_url"));
        if let Some(url) = url {
            config.insert("base_url".to_owned(), json!(url.trim_end_matches('/')));
        }
        if let Some(tags) = self.text("tags") {
            let tags: Vec<&str> =
                tags.split(',').map(str::trim).filter(|it| !it.is_empty()).collect();
            config.insert("tags".to_owned(), json!(tags));
        }
        Ok(("opsgenie", Value::Object(config), ""))
    }

    fn telegram(&self) -> Endpoint {
        let token = self.text("bot_token").or_else(|| self.global("telegram_bot_token"));
        let chat = self.text("chat_id").ok_or("it names no chat")?;
        let mut config = Map::new();
        config.insert("token".to_owned(), json!(token.ok_or(UNREADABLE)?));
        config.insert("chat_id".to_owned(), json!(chat));
        if let Some(thread) = self.text("message_thread_id").and_then(|it| it.parse::<u32>().ok()) {
            config.insert("message_thread_id".to_owned(), json!(thread));
        }
        if let Some(url) = self.text("api_url").or_else(|| self.global("telegram_api_url")) {
            config.insert("base_url".to_owned(), json!(url));
        }
        Ok(("telegram", Value::Object(config), ""))
    }

    /// A configuration with the address that stands under a key, here or among the defaults.
    fn address(
        &self,
        key: &'static str,
        global: Option<&str>,
    ) -> Result<Map<String, Value>, String> {
        // An address in a file of its own goes before the default.
        let is_in_file = self.node.get(&format!("{key}_file")).is_some();
        let global = global.filter(|_| !is_in_file);
        let url = self.text(key).or_else(|| global.and_then(|key| self.global(key)));
        let url = url.ok_or(UNREADABLE)?;
        Ok(Map::from_iter([("url".to_owned(), json!(url))]))
    }

    /// Takes over what may be there.
    fn copy(&self, config: &mut Map<String, Value>, keys: &[(&'static str, &str)]) {
        for (key, field) in keys {
            if let Some(text) = self.text(key) {
                config.insert((*field).to_owned(), json!(text));
            }
        }
    }

    fn get(&self, key: &'static str) -> Option<&'n Node> {
        self.used.borrow_mut().insert(key);
        self.node.get(key)
    }

    /// The text under a key; one that a mask stands for is not there.
    fn text(&self, key: &'static str) -> Option<String> {
        let text = self.get(key).and_then(Node::text).map(str::trim);
        text.filter(|text| !text.is_empty() && *text != "<secret>").map(str::to_owned)
    }

    fn global(&self, key: &str) -> Option<String> {
        let text = self.configuration.globals.and_then(|it| it.get(key)).and_then(Node::text);
        text.filter(|text| !text.is_empty() && *text != "<secret>").map(str::to_owned)
    }

    /// Whether it is told when an alert is over; as usual with the kind where it does not say.
    fn send_resolved(&self, kind: &str) -> bool {
        let said = self.node.get("send_resolved").and_then(|node| flag(node, "send_resolved").ok());
        said.unwrap_or(!matches!(kind, "email_configs" | "slack_configs" | "wechat_configs"))
    }

    /// What differs: the remark, and the keys that nobody looked at.
    fn note(&self, remark: &str) -> String {
        let Content::Map(entries) = &self.node.content else { return remark.to_owned() };
        let used = self.used.borrow();
        let left: Vec<&str> = entries
            .iter()
            .map(|(key, _)| key.as_str())
            .filter(|key| !used.contains(key) && *key != "send_resolved")
            .collect();
        match (remark, left.is_empty()) {
            (_, true) => remark.to_owned(),
            ("", false) => format!("not taken over: {}", left.join(", ")),
            (_, false) => format!("{remark}; not taken over: {}", left.join(", ")),
        }
    }
}

const UNREADABLE: &str = "its address or credentials are not in the file: those in files of their own, and masked ones, cannot be read";
