//! Sends to Mattermost.

use super::config::Config;
use super::render;
use crate::channel::Sent;
use crate::channels::outside::Outside;
use crate::client::Call;
use crate::rendering::Telling;

pub(super) async fn send(config: &Config, telling: &Telling<'_>, outside: &Outside) -> Sent {
    let message = render::message(config, telling);
    let call = Call::json(config.url.clone(), &message, telling.message.now).secret();
    match outside.client.call(call).await {
        Ok(answer) => answer.sent(""),
        Err(sent) => sent,
    }
}
