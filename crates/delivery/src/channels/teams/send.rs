//! Sends a card. A workflow answers 202 once it has taken it.

use super::config::Config;
use super::render;
use crate::channel::Sent;
use crate::channels::outside::Outside;
use crate::client::Call;
use crate::rendering::Telling;

pub(super) async fn send(config: &Config, telling: &Telling<'_>, outside: &Outside) -> Sent {
    let call = Call::json(config.url.clone(), &render::message(telling), telling.message.now);
    match outside.client.call(call).await {
        Ok(answer) => answer.sent(""),
        Err(sent) => sent,
    }
}
