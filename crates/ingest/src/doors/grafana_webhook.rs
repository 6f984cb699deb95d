//! The door `POST /v1/webhooks/grafana`: what the webhook contact point of Grafana's alerting sends.
//! It is Alertmanager's payload with more links and values; its `version` is Grafana's own.

use crate::batch::Batch;
use crate::context::Context;
use crate::problem::Problem;
use crate::webhook;

/// Judges every alert in `body`, which is not compressed any more.
///
/// # Errors
/// The body as a whole is not a webhook of Grafana, or holds no or too many alerts.
pub fn decode(body: &[u8], context: Context<'_>) -> Result<Batch, Problem> {
    webhook::decode(body, &context, "grafana", None)
}
