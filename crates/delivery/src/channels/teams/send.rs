//! Sends a card. A workflow answers 202 once it has taken it.

use super::config::Config;
use super::render;
use crate::channel::Sent;
use crate::channels::outside::Outside;
use crate::client::Call;
use crate::rendering::Telling;

pub(super) async fn send(config: &Config, telling: &Telling<'_>, outside: &Outside) -> Sent {
    let (url, now) = (config.url.clone(), telling.message.now);
    let call = Call::json(url, &render::message(telling), now).secret();
    match outside.client.call(call).await {
        Ok(answer) => answer.sent(""),
        Err(sent) => sent,
    }
}
