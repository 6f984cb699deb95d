//! A webhook: JSON of a fixed shape or of a template, signed.

mod config;
mod render;
mod send;

use super::fields::Fields;
use super::outside::Outside;
use super::{ALL, Channel, Preview};
use crate::channel::Sent;
use crate::rendering::Telling;
use config::Config;

/// A webhook: JSON of a fixed shape or of a template, signed.
pub(crate) struct Webhook;

impl Channel for Webhook {
    const NAME: &'static str = "webhook";
    const SECRETS: &'static [&'static str] = &["secret", "secrets", "headers"];
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
