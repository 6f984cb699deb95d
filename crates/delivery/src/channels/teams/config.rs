//! What an endpoint of Microsoft Teams says: the address of a workflow's webhook, which is a secret.

use url::Url;

use crate::channels::fields::Fields;

/// Where cards go.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(super) url: Url,
}

impl Config {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        Self { url: fields.url("url") }
    }
}
