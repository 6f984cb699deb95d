//! Sends an event, which opens or ends an alert of its own.

use serde_json::json;

use super::config::Config;
use super::render;
use crate::channel::Sent;
use crate::channels::outside::Outside;
use crate::client::Call;
use crate::rendering::{Telling, subject_key};

pub(super) async fn send(config: &Config, telling: &Telling<'_>, outside: &Outside) -> Sent {
    let Ok(url) = config.base_url.join("v2/enqueue") else {
        return Sent::refused("the address of the interface is wrong");
    };
    let mut event = render::event(telling);
    event["routing_key"] = json!(config.routing_key);
    let call = Call::json(url, &event, telling.message.now).secret();
    match outside.client.call(call).await {
        Ok(answer) => answer.sent(subject_key(telling.message.notification)),
        Err(sent) => sent,
    }
}
