//! Sends a webhook: signed, and with a key by which the other side knows it again.

use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};

use super::config::Config;
use super::render;
use crate::channel::Sent;
use crate::channels::outside::Outside;
use crate::client::Call;
use crate::rendering::Telling;

/// The same for every try that tells the same.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Who sent it and when.
const SIGNATURE: HeaderName = HeaderName::from_static("stormbell-signature");

pub(super) async fn send(config: &Config, telling: &Telling<'_>, outside: &Outside) -> Sent {
    let body = match render::body(config, telling) {
        Ok(body) => body,
        Err(error) => return Sent::refused(format!("template: {error}")),
    };
    let message = telling.message;
    let signature = render::signature(&config.secrets, message.now, &body);
    let key = message.key();
    let (Ok(key), Ok(signature)) = (HeaderValue::try_from(key), HeaderValue::try_from(signature))
    else {
        return Sent::refused("the headers cannot be made");
    };
    let mut call = Call::bytes(config.method.clone(), config.url.clone(), body, message.now)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header(IDEMPOTENCY_KEY, key);
    if !config.secrets.is_empty() {
        call = call.header(SIGNATURE, signature);
    }
    for (name, value) in &config.headers {
        call = call.own_header(name.clone(), value.clone());
    }
    match outside.client.call(call).await {
        Ok(answer) => answer.sent(telling.answered(&answer.body)),
        Err(sent) => sent,
    }
}
