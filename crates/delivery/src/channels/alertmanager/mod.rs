//! Alertmanager's webhook, version 4: whatever takes notifications from Alertmanager takes them from here.

mod config;
mod render;
mod send;

use super::fields::Fields;
use super::outside::Outside;
use super::{ALL, Channel, Preview};
use crate::channel::Sent;
use crate::rendering::Telling;
use config::Config;

/// Alertmanager's webhook, version 4: whatever takes notifications from Alertmanager takes them from here.
pub(crate) struct Alertmanager;

impl Channel for Alertmanager {
    const NAME: &'static str = "alertmanager";
    const SECRETS: &'static [&'static str] = &["token", "password"];
    const PLACE: &'static [&'static str] = &["url"];
    const ADDRESS: &'static [&'static str] = &["url"];
    const TOLD_AT_ONCE: u32 = ALL;
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
