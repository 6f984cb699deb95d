//! Channels as the tests know them: a webhook needs a `url` and may have a `secret`, telegram refuses
//! everything, the others take anything.

use api::{AskedConfig, Channels, CheckedConfig, Tested};
use model::{Duration, FieldError, Notification};
use serde_json::json;
use store::EndpointRow;

pub(crate) struct ScriptedChannels;

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
