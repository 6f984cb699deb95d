//! What an endpoint of PagerDuty says: the key of an integration, and where events are taken.

use url::Url;

use crate::channels::fields::Fields;

/// Where events go.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(super) routing_key: String,
    /// `https://events.pagerduty.com/`, or `https://events.eu.pagerduty.com/`.
    pub(super) base_url: Url,
}

impl Config {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            routing_key: fields.text("routing_key", 64),
            base_url: fields.base_url("base_url", "https://events.pagerduty.com"),
        }
    }
}
