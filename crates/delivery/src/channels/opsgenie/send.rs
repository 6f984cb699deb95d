//! Sends an alert, or a word about one.

use http::HeaderValue;
use http::header::AUTHORIZATION;

use super::config::Config;
use super::render;
use crate::channel::Sent;
use crate::channels::outside::Outside;
use crate::client::Call;
use crate::rendering::Telling;

pub(super) async fn send(config: &Config, telling: &Telling<'_>, outside: &Outside) -> Sent {
    let Ok(key) = HeaderValue::try_from(format!("GenieKey {}", config.api_key)) else {
        return Sent::refused("the key is no key");
    };
    let asked = render::asked(config, telling);
    let Ok(url) = config.base_url.join(&format!("v2/{}", asked.path)) else {
        return Sent::refused("the address of the interface is wrong");
    };
    let call = Call::json(url, &asked.body, telling.message.now).own_header(AUTHORIZATION, key);
    match outside.client.call(call).await {
        Ok(answer) => answer.sent(asked.alias),
        Err(sent) => sent,
    }
}
