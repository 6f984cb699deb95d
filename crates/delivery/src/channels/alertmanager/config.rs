//! What an endpoint of the Alertmanager webhook says: where, and who we are there.

use url::Url;

use crate::channels::fields::Fields;

/// Where groups go.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(super) url: Url,
    /// The name of the receiver, which the other side may go by.
    pub(super) receiver: String,
    /// What `Authorization` says.
    pub(super) access: Access,
}

/// Who we are.
#[derive(Debug, Clone)]
pub(super) enum Access {
    /// Nobody.
    Anybody,
    /// The holder of a token.
    Token(String),
    /// A user with a password.
    User(String, String),
}

impl Config {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        let url = fields.url("url");
        let receiver = fields.optional_text("receiver", 128);
        let token = fields.optional_text("token", 1_024);
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
        Self { url, receiver: receiver.unwrap_or_else(|| "stormbell".to_owned()), access }
    }
}
