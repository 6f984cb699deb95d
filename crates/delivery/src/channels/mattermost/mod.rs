//! Mattermost: an incoming webhook.

mod config;
mod render;
mod send;

use super::fields::Fields;
use super::outside::Outside;
use super::{Channel, LISTED, Preview};
use crate::channel::Sent;
use crate::rendering::Telling;
use config::Config;

/// Mattermost: an incoming webhook.
pub(crate) struct Mattermost;

impl Channel for Mattermost {
    const NAME: &'static str = "mattermost";
    const SECRETS: &'static [&'static str] = &["url"];
    const PLACE: &'static [&'static str] = &[];
    const ADDRESS: &'static [&'static str] = &["url", "channel"];
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
