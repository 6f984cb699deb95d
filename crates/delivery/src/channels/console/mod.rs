//! A line a message on the server's standard output.

mod config;
mod render;
mod send;

use super::fields::Fields;
use super::outside::Outside;
use super::{Channel, LISTED, Preview};
use crate::channel::Sent;
use crate::rendering::Telling;
use config::Config;

/// A line a message on the server's standard output.
pub(crate) struct ConsoleChannel;

impl Channel for ConsoleChannel {
    const NAME: &'static str = "console";
    const SECRETS: &'static [&'static str] = &[];
    const PLACE: &'static [&'static str] = &[];
    const ADDRESS: &'static [&'static str] = &[];
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
