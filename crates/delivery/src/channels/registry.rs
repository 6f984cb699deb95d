//! The list of channels, and how one is called whose configuration has a type of its own.

use async_trait::async_trait;

use super::fields::Fields;
use super::outside::Outside;
use super::{Channel, Preview};
use crate::channel::Sent;
use crate::rendering::Telling;

/// A channel, whatever its configuration.
#[async_trait]
pub(super) trait Dispatch: Send + Sync {
    /// [`Channel::NAME`].
    fn name(&self) -> &'static str;
    /// [`Channel::SECRETS`].
    fn secrets(&self) -> &'static [&'static str];
    /// [`Channel::PLACE`].
    fn place(&self) -> &'static [&'static str];
    /// [`Channel::ADDRESS`].
    fn address(&self) -> &'static [&'static str];
    /// [`Channel::TOLD_AT_ONCE`].
    fn told_at_once(&self) -> u32;
    /// Reads a configuration for what is wrong with it.
    fn check(&self, fields: &mut Fields<'_>);
    /// Renders a message without sending it.
    fn preview(&self, fields: &mut Fields<'_>, telling: &Telling<'_>) -> Preview;
    /// Sends a message once.
    async fn send(&self, fields: &mut Fields<'_>, telling: &Telling<'_>, outside: &Outside)
    -> Sent;
}

#[async_trait]
impl<C: Channel> Dispatch for C {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn secrets(&self) -> &'static [&'static str] {
        C::SECRETS
    }

    fn place(&self) -> &'static [&'static str] {
        C::PLACE
    }

    fn address(&self) -> &'static [&'static str] {
        C::ADDRESS
    }

    fn told_at_once(&self) -> u32 {
        C::TOLD_AT_ONCE
    }

    fn check(&self, fields: &mut Fields<'_>) {
        let _ = C::read(fields);
    }

    fn preview(&self, fields: &mut Fields<'_>, telling: &Telling<'_>) -> Preview {
        C::preview(&C::read(fields), telling)
    }

    async fn send(
        &self,
        fields: &mut Fields<'_>,
        telling: &Telling<'_>,
        outside: &Outside,
    ) -> Sent {
        let config = C::read(fields);
        if !fields.is_clean() {
            return Sent::refused("the configuration of the endpoint is not complete");
        }
        C::send(&config, telling, outside).await
    }
}

/// Every channel, in order of name.
pub(super) static CHANNELS: [&dyn Dispatch; 12] = [
    &super::alertmanager::Alertmanager,
    &super::console::ConsoleChannel,
    &super::discord::Discord,
    &super::email::Email,
    &super::mattermost::Mattermost,
    &super::ntfy::Ntfy,
    &super::opsgenie::Opsgenie,
    &super::pagerduty::PagerDuty,
    &super::slack::Slack,
    &super::teams::Teams,
    &super::telegram::Telegram,
    &super::webhook::Webhook,
];

/// Their names.
pub(crate) const NAMES: [&str; 12] = [
    super::alertmanager::Alertmanager::NAME,
    super::console::ConsoleChannel::NAME,
    super::discord::Discord::NAME,
    super::email::Email::NAME,
    super::mattermost::Mattermost::NAME,
    super::ntfy::Ntfy::NAME,
    super::opsgenie::Opsgenie::NAME,
    super::pagerduty::PagerDuty::NAME,
    super::slack::Slack::NAME,
    super::teams::Teams::NAME,
    super::telegram::Telegram::NAME,
    super::webhook::Webhook::NAME,
];
