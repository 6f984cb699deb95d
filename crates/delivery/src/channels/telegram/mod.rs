//! Telegram: messages of a bot.

mod config;
mod render;
mod send;

use super::fields::Fields;
use super::outside::Outside;
use super::{Channel, LISTED, Preview};
use crate::channel::Sent;
use crate::rendering::Telling;
use config::Config;

/// Telegram: messages of a bot.
pub(crate) struct Telegram;

impl Channel for Telegram {
    const NAME: &'static str = "telegram";
    const SECRETS: &'static [&'static str] = &["token"];
    const PLACE: &'static [&'static str] = &["base_url"];
    const ADDRESS: &'static [&'static str] = &["base_url", "chat_id", "message_thread_id"];
    const TOLD_AT_ONCE: u32 = LISTED;
    type Config = Config;

    fn read(fields: &mut Fields<'_>) -> Config {
        Config::read(fields)
    }

    fn preview(config: &Config, telling: &Telling<'_>) -> Preview {
        render::preview(config, telling)
    }

    async fn send(config: &Config, telling: &Telling<'_>, outside: &Outside) -> Sent {
        send::send(config, telling, outside).await
    }
}
