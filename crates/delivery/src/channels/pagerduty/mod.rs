//! PagerDuty: events that trigger, acknowledge and resolve, Events API version 2.

mod config;
mod render;
mod send;

use super::fields::Fields;
use super::outside::Outside;
use super::{ALONE, Channel, Preview};
use crate::channel::Sent;
use crate::rendering::Telling;
use config::Config;

/// PagerDuty: events that trigger, acknowledge and resolve, Events API version 2.
pub(crate) struct PagerDuty;

impl Channel for PagerDuty {
    const NAME: &'static str = "pagerduty";
    const SECRETS: &'static [&'static str] = &["routing_key"];
    const PLACE: &'static [&'static str] = &["base_url"];
    const ADDRESS: &'static [&'static str] = &["base_url", "routing_key"];
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
