//! The door `POST /v1/webhooks/alertmanager`: the payload, version 4, that Alertmanager's webhook
//! receiver sends. Every alert of the group is taken, resolved ones too.

use crate::batch::Batch;
use crate::context::Context;
use crate::problem::Problem;
use crate::webhook;

/// Judges every alert of the group in `body`, which is not compressed any more.
///
/// # Errors
/// The body as a whole is not a webhook of version 4, or holds no or too many alerts.
pub fn decode(body: &[u8], context: Context<'_>) -> Result<Batch, Problem> {
    webhook::decode(body, &context, "alertmanager-webhook", Some("4"))
}
