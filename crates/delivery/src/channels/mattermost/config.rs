//! What an endpoint of Mattermost says: the address of an incoming webhook, which is a secret.

use url::Url;

use crate::channels::fields::Fields;

/// Where messages go.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(super) url: Url,
    /// Another channel than the webhook's own.
    pub(super) channel: Option<String>,
    /// Under which name, where the server allows it.
    pub(super) username: Option<String>,
}

impl Config {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            url: fields.url("url"),
            channel: fields.optional_text("channel", 64),
            username: fields.optional_text("username", 64),
        }
    }
}
