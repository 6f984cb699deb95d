//! What an endpoint of Discord says: the address of a webhook, which is a secret.

use url::Url;

use crate::channels::fields::Fields;

/// Where messages go.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(super) url: Url,
    /// Under which name.
    pub(super) username: Option<String>,
}

impl Config {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        Self { url: fields.url("url"), username: fields.optional_text("username", 80) }
    }
}
