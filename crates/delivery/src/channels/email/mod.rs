//! E-mail over SMTP, in threads by incident.

mod config;
mod render;
mod send;

use super::fields::Fields;
use super::outside::Outside;
use super::{ALL, Channel, Preview};
use crate::channel::Sent;
use crate::rendering::Telling;
use config::Config;

/// E-mail over SMTP, in threads by incident.
pub(crate) struct Email;

impl Channel for Email {
    const NAME: &'static str = "email";
    const SECRETS: &'static [&'static str] = &["password"];
    const PLACE: &'static [&'static str] = &["host", "port", "username"];
    const ADDRESS: &'static [&'static str] = &["host", "port", "to"];
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
