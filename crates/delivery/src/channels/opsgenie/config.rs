//! What an endpoint of Opsgenie says: the key of an integration, where alerts are taken, and for whom.

use url::Url;

use crate::channels::fields::Fields;

/// Where alerts go.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(super) api_key: String,
    /// `https://api.opsgenie.com/`, or `https://api.eu.opsgenie.com/`.
    pub(super) base_url: Url,
    /// Names of teams that answer; none where the integration's are meant.
    pub(super) teams: Vec<String>,
    /// Tags besides those of the message.
    pub(super) tags: Vec<String>,
}

impl Config {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            api_key: fields.text("api_key", 128),
            base_url: fields.base_url("base_url", "https://api.opsgenie.com"),
            teams: fields.texts("teams", 50, 100),
            tags: fields.texts("tags", 16, 50),
        }
    }
}
