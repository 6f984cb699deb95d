//! What an endpoint of Slack says: the address of an incoming webhook, or a bot's token and a channel.

use url::Url;

use crate::channels::fields::Fields;

/// One of two ways in.
#[derive(Debug, Clone)]
pub(crate) enum Config {
    /// An incoming webhook. Its address is a secret.
    Webhook(Url),
    /// A bot.
    Bot(Bot),
}

/// A bot that is a member of a channel, with the right `chat:write`.
#[derive(Debug, Clone)]
pub(crate) struct Bot {
    pub(super) token: String,
    /// The id of the channel (or its name, for the first message of a thread).
    pub(super) channel: String,
    /// `https://slack.com/api/`
    pub(super) base_url: Url,
}

impl Config {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        if fields.has("url") {
            if fields.has("token") {
                fields.refuse("token", "conflict", "give either `url` or `token` and `channel`");
                fields.optional_text("token", 512);
            }
            return Self::Webhook(fields.url("url"));
        }
        Self::Bot(Bot {
            token: fields.text("token", 512),
            channel: fields.text("channel", 128),
            base_url: fields.base_url("base_url", "https://slack.com/api/"),
        })
    }
}
