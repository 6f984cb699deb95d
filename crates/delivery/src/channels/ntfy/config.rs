//! What an endpoint of ntfy says: a topic, the server, and who we are there.

use url::Url;

use crate::channels::fields::Fields;

/// Where messages go.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(super) topic: String,
    /// `https://ntfy.sh/`, or a server of one's own.
    pub(super) base_url: Url,
    pub(super) access: Access,
}

/// Who we are.
#[derive(Debug, Clone)]
pub(super) enum Access {
    /// Nobody.
    Anybody,
    /// The holder of an access token.
    Token(String),
    /// A user with a password.
    User(String, String),
}

impl Config {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        let topic = fields.text("topic", 64);
        let plain = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-');
        if !topic.chars().all(plain) {
            fields.refuse("topic", "invalid", "this has letters, digits, `_` and `-` only");
        }
        let base_url = fields.base_url("base_url", "https://ntfy.sh");
        let token = fields.optional_text("token", 256);
        let username = fields.optional_text("username", 128);
        let access = match (token, username) {
            (Some(_), Some(_)) => {
                fields.refuse("username", "conflict", "give either `token` or `username`");
                Access::Anybody
            }
            (Some(token), None) => Access::Token(token),
            (None, Some(username)) => Access::User(username, fields.text("password", 256)),
            (None, None) => Access::Anybody,
        };
        Self { topic, base_url, access }
    }
}
