//! What a decoder is told besides the bytes, the same at every call: a time, a key, and which ids
//! were applied before.

use ingest::{Applied, Claim, Context, Media, Mint};
use model::{Grant, KeyId, ProjectId, Scope, SignalId, Timestamp};

/// 2026-11-20T13:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_795_179_600_000_000);

/// The one id that was applied before.
pub(crate) const APPLIED: &str = "018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7";

/// Knows [`APPLIED`] and nothing else.
pub(crate) struct OneApplied;

impl Applied for OneApplied {
    fn contains(&self, _project: ProjectId, signal: SignalId) -> bool {
        SignalId::parse(APPLIED) == Some(signal)
    }
}

/// A key that may send signals.
pub(crate) fn grant() -> Grant {
    Grant {
        key: KeyId(1),
        project: ProjectId(7),
        project_name: "shop".to_owned(),
        organization_name: "acme".to_owned(),
        name: "a key".to_owned(),
        scopes: [Scope::Ingest].into_iter().collect(),
        rate_per_second: None,
    }
}

/// What a decoder is told.
pub(crate) fn context(grant: &Grant, media: Media) -> Context<'_> {
    Context {
        now: NOW,
        grant,
        applied: &OneApplied,
        mint: Mint::new(NOW, 0),
        media,
        idempotency_key: None,
        claim: Claim::default(),
    }
}
