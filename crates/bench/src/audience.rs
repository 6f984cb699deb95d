//! Who is told: subscribers with a webhook each and a rule on every signal that fits, made over REST.
//!
//! Refuses to know what is sent and when. Invariant: what was asked for is there, or it is an error.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::client::Client;

/// A subscriber with an endpoint at `url` who hears of signals whose component fits `components`, or of all.
pub(crate) fn subscribe(
    client: &mut Client,
    name: &str,
    url: &str,
    components: Option<&str>,
) -> anyhow::Result<()> {
    let subscriber = create(client, "/v1/subscribers", &json!({ "name": name }))?;
    let endpoint = json!({
        "subscriber_id": subscriber, "channel": "webhook", "name": name, "config": { "url": url },
    });
    let endpoint = create(client, "/v1/endpoints", &endpoint)?;
    let mut rule = json!({
        "subscriber_id": subscriber, "name": name, "on": ["signal"], "endpoints": [endpoint],
    });
    match components {
        Some(glob) => {
            rule["match"] = json!([{ "field": "component", "op": "glob", "value": glob }]);
        }
        None => rule["match_all"] = Value::Bool(true),
    }
    create(client, "/v1/rules", &rule)?;
    Ok(())
}

/// Creates something and answers its id.
fn create(client: &mut Client, path: &str, body: &Value) -> anyhow::Result<String> {
    let answer = client.post(path, body.to_string().as_bytes())?;
    let text = String::from_utf8_lossy(&answer.body);
    ensure!(answer.status == 201, "{path} was answered with {}: {text}", answer.status);
    let made: Value = serde_json::from_str(&text)?;
    Ok(made["id"].as_str().with_context(|| format!("{path}: no id in {text}"))?.to_owned())
}
