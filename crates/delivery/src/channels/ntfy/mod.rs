//! ntfy: push notifications to a topic.

mod config;
mod render;
mod send;

use super::fields::Fields;
use super::outside::Outside;
use super::{Channel, LISTED, Preview};
use crate::channel::Sent;
use crate::rendering::Telling;
use config::Config;

/// ntfy: push notifications to a topic.
pub(crate) struct Ntfy;

impl Channel for Ntfy {
    const NAME: &'static str = "ntfy";
    const SECRETS: &'static [&'static str] = &["token", "password"];
    const PLACE: &'static [&'static str] = &["base_url"];
    const ADDRESS: &'static [&'static str] = &["base_url", "topic"];
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
