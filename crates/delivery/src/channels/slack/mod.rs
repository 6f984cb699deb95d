//! Slack: an incoming webhook, or a bot that keeps one message an incident up to date and tells the rest below it.

mod config;
mod render;
mod send;

use super::fields::Fields;
use super::outside::Outside;
use super::{Channel, LISTED, Preview};
use crate::channel::Sent;
use crate::rendering::Telling;
use config::Config;

/// Slack: an incoming webhook, or a bot that keeps one message an incident up to date and tells the rest below it.
pub(crate) struct Slack;

impl Channel for Slack {
    const NAME: &'static str = "slack";
    const SECRETS: &'static [&'static str] = &["url", "token"];
    const PLACE: &'static [&'static str] = &["base_url"];
    const ADDRESS: &'static [&'static str] = &["base_url", "url", "token", "channel"];
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
