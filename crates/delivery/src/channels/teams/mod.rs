//! Microsoft Teams: an Adaptive Card to the webhook of a workflow.

mod config;
mod render;
mod send;

use super::fields::Fields;
use super::outside::Outside;
use super::{Channel, LISTED, Preview};
use crate::channel::Sent;
use crate::rendering::Telling;
use config::Config;

/// Microsoft Teams: an Adaptive Card to the webhook of a workflow.
pub(crate) struct Teams;

impl Channel for Teams {
    const NAME: &'static str = "teams";
    const SECRETS: &'static [&'static str] = &["url"];
    const PLACE: &'static [&'static str] = &[];
    const ADDRESS: &'static [&'static str] = &["url"];
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
