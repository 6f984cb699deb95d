//! Channels as the tests know them: a webhook needs a `url` and may have a `secret`, telegram refuses
//! everything, the others take anything. A webhook whose `url` says so answers a challenge with its token.

use std::sync::Mutex;

use api::{AskedConfig, Challenged, Channels, CheckedConfig, Claim, Tested, TokenError};
use model::{Duration, EndpointId, FieldError, Notification, ProjectId, Timestamp};
use serde_json::{Value, json};
use store::EndpointRow;

/// How long a token is good for.
const LIFETIME: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct ScriptedChannels {
    /// The tokens of the challenges that were sent.
    pub(crate) tokens: Mutex<Vec<String>>,
}

/// A token as these channels make them: everything it says, in the open.
pub(crate) fn token(row: &EndpointRow, expires_at: Timestamp) -> String {
    let url = url(row);
    format!("{}|{}|{}|{url}", row.project, row.id, expires_at.micros())
}

fn url(row: &EndpointRow) -> String {
    let config: Value = serde_json::from_str(&row.config).unwrap_or_default();
    config["url"].as_str().unwrap_or_default().to_owned()
}

fn digest(url: &str) -> [u8; 16] {
    let mut digest = [0; 16];
    url.bytes().enumerate().for_each(|(at, byte)| digest[at % 16] ^= byte);
    digest
}

#[async_trait::async_trait]
impl Channels for ScriptedChannels {
    fn names(&self) -> &[&'static str] {
        &["webhook", "console", "alertmanager", "pagerduty", "slack", "telegram"]
    }

    fn check(&self, asked: &AskedConfig<'_>) -> Result<CheckedConfig, Vec<FieldError>> {
        let mut config = asked.config.clone();
        if asked.channel == "webhook" && !config["url"].is_string() {
            return Err(vec![FieldError::new("url", "missing", "it must be given")]);
        }
        if asked.channel == "telegram" {
            return Err(vec![FieldError::new("chat_id", "invalid", "there is no such chat")]);
        }
        let mut secrets = asked.before.map(|row| row.secrets.clone()).unwrap_or_default();
        if let Some(secret) = config["secret"].as_str() {
            secrets = secret.bytes().map(|byte| byte ^ 0x55).collect();
        }
        match config.as_object_mut() {
            Some(map) if !secrets.is_empty() => map.insert("secret".into(), json!({"set": true})),
            Some(map) => map.remove("secret"),
            None => None,
        };
        Ok(CheckedConfig { config: config.to_string(), secrets })
    }

    async fn test(&self, endpoint: &EndpointRow, subscriber: &str) -> Tested {
        let answer = format!("{} of {subscriber}", endpoint.name);
        Tested { delivered: true, status: 204, answer, took: Duration::from_micros(12_345) }
    }

    async fn challenge(&self, row: &EndpointRow, subscriber: &str, now: Timestamp) -> Challenged {
        let expires_at = now + LIFETIME;
        self.tokens.lock().unwrap().push(token(row, expires_at));
        let delivered = !url(row).contains("down");
        let tested = Tested { delivered, ..self.test(row, subscriber).await };
        Challenged { tested, confirmed: url(row).contains("answers"), expires_at }
    }

    fn claim(&self, token: &str, now: Timestamp) -> Result<Claim, TokenError> {
        let parts: Vec<&str> = token.split('|').collect();
        let [project, endpoint, until, url] = parts[..] else { return Err(TokenError::Unknown) };
        if now.micros() >= until.parse::<i64>().unwrap() {
            return Err(TokenError::Expired);
        }
        let project = ProjectId(project.parse().unwrap());
        let endpoint = EndpointId::parse(endpoint).unwrap();
        Ok(Claim { project, endpoint, address: digest(url) })
    }

    fn address(&self, row: &EndpointRow) -> Option<[u8; 16]> {
        Some(digest(&url(row)))
    }

    fn preview(
        &self,
        endpoint: &EndpointRow,
        subscriber: &str,
        notification: Option<&Notification>,
    ) -> Result<String, Vec<FieldError>> {
        if endpoint.config.contains("broken") {
            return Err(vec![FieldError::new("template", "invalid_template", "it is broken")]);
        }
        let about = notification.map_or("a sample", |notification| &notification.notice.name);
        Ok(format!("to {subscriber}: {about}"))
    }
}
