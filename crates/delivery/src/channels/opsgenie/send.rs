//! Sends alerts, one request each for what is told.

use http::HeaderValue;
use http::header::AUTHORIZATION;

use super::config::Config;
use super::render;
use crate::channel::Sent;
use crate::channels::in_order;
use crate::channels::outside::Outside;
use crate::client::Call;
use crate::rendering::Telling;

pub(super) async fn send(config: &Config, telling: &Telling<'_>, outside: &Outside) -> Sent {
    let Ok(key) = HeaderValue::try_from(format!("GenieKey {}", config.api_key)) else {
        return Sent::refused("the key is no key");
    };
    let mut calls = Vec::new();
    for message in telling.each() {
        let asked = render::asked(config, &telling.with(&message));
        let Ok(url) = config.base_url.join(&format!("v2/{}", asked.path)) else {
            return Sent::refused("the address of the interface is wrong");
        };
        let call = Call::json(url, &asked.body, message.now).own_header(AUTHORIZATION, key.clone());
        calls.push((call, asked.alias));
    }
    in_order(&outside.client, calls).await
}
