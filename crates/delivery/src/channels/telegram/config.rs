//! What an endpoint of Telegram says: a bot's token and a chat.

use url::Url;

use crate::channels::fields::Fields;

/// Where messages go.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(super) token: String,
    /// A number, or `@name` of a channel.
    pub(super) chat_id: String,
    /// The topic of a group that has topics.
    pub(super) message_thread_id: Option<u64>,
    /// `https://api.telegram.org/`, or a server of one's own.
    pub(super) base_url: Url,
}

impl Config {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        let token = fields.text("token", 128);
        // The token stands in the path: nothing that could leave it is taken.
        let plain = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, ':' | '_' | '-');
        if !token.chars().all(plain) {
            fields.refuse("token", "invalid", "this is a token such as 123456:ABC-DEF");
        }
        Self {
            token,
            chat_id: fields.text("chat_id", 64),
            message_thread_id: fields.number("message_thread_id", 1, u64::from(u32::MAX)),
            base_url: fields.base_url("base_url", "https://api.telegram.org"),
        }
    }
}
