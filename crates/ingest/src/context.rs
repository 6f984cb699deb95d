//! What a decoder is told besides the bytes, so that it reads no clock, no header and no memory
//! of its own.

use model::{Grant, Timestamp};

use crate::media::Media;
use crate::mint::Mint;
use crate::ports::Applied;

/// What a decoder is told besides the bytes.
pub struct Context<'a> {
    /// The time of the request: the default of `occurred_at`, and the end of what may be.
    pub now: Timestamp,
    /// What the credential stands for.
    pub grant: &'a Grant,
    /// Which ids were applied before.
    pub applied: &'a dyn Applied,
    /// Mints ids for the items that have none.
    pub mint: Mint,
    /// What the content type says the body is.
    pub media: Media,
    /// The `Idempotency-Key`, where the door takes one.
    pub idempotency_key: Option<&'a str>,
    /// The organization and project that the query names.
    pub claim: Claim,
}

/// An organization and a project that a request names besides its key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claim {
    /// The organization, if one is named.
    pub organization: Option<String>,
    /// The project, if one is named.
    pub project: Option<String>,
}
