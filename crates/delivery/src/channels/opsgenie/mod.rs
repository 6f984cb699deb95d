//! Opsgenie: alerts that are created, acknowledged and closed by alias.

mod config;
mod render;
mod send;

use super::fields::Fields;
use super::outside::Outside;
use super::{ALONE, Channel, Preview};
use crate::channel::Sent;
use crate::rendering::Telling;
use config::Config;

/// Opsgenie: alerts that are created, acknowledged and closed by alias.
pub(crate) struct Opsgenie;

impl Channel for Opsgenie {
    const NAME: &'static str = "opsgenie";
    const SECRETS: &'static [&'static str] = &["api_key"];
    const PLACE: &'static [&'static str] = &["base_url"];
    const ADDRESS: &'static [&'static str] = &["base_url", "api_key", "teams"];
    const TOLD_AT_ONCE: u32 = ALONE;
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
