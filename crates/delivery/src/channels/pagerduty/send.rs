//! Sends events, one each for what is told, because each opens or ends an alert of its own.

use serde_json::json;

use super::config::Config;
use super::render;
use crate::channel::Sent;
use crate::channels::in_order;
use crate::channels::outside::Outside;
use crate::client::Call;
use crate::rendering::{Telling, subject_key};

pub(super) async fn send(config: &Config, telling: &Telling<'_>, outside: &Outside) -> Sent {
    let Ok(url) = config.base_url.join("v2/enqueue") else {
        return Sent::refused("the address of the interface is wrong");
    };
    let mut calls = Vec::new();
    for message in telling.each() {
        let mut event = render::event(&telling.with(&message));
        event["routing_key"] = json!(config.routing_key);
        let call = Call::json(url.clone(), &event, message.now);
        calls.push((call, subject_key(message.notification)));
    }
    in_order(&outside.client, calls).await
}
