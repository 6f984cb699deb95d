//! One request on its way through the decoder of its door: what its headers and query ask for, and
//! its body. Large bodies are decoded aside, so that they do not hold up the small ones.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName};
use http::request::Parts;
use model::{Grant, Timestamp, limits};

use crate::batch::Batch;
use crate::body_memory::Share;
use crate::code::Code;
use crate::compression;
use crate::context::{Claim, Context};
use crate::doors::Door;
use crate::media::{Encoding, Media};
use crate::mint::Mint;
use crate::ports::Applied;
use crate::problem::Problem;
use crate::{alertmanager, alertmanager_webhook, grafana_webhook, signals};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Bodies from this size on are decoded aside: about a millisecond of work.
const ASIDE_BYTES: usize = 512 << 10;
/// The same for compressed bodies, which grow.
const COMPRESSED_ASIDE_BYTES: usize = 16 << 10;

/// What the headers and the query of a request ask for.
pub(crate) struct Terms {
    media: Media,
    encoding: Encoding,
    idempotency_key: Option<String>,
    claim: Claim,
}

/// A request that was let in, with its body.
pub(crate) struct Order {
    pub(crate) door: Door,
    pub(crate) terms: Terms,
    pub(crate) body: Bytes,
    pub(crate) share: Share,
    pub(crate) grant: Arc<Grant>,
    pub(crate) now: Timestamp,
}

impl Terms {
    /// Reads head and query as far as the door cares.
    pub(crate) fn of(door: Door, head: &Parts) -> Result<Self, Problem> {
        let claim = match (door, head.uri.query()) {
            (_, None) | (Door::Alertmanager | Door::Grpc, _) => Claim::default(),
            (Door::Signals | Door::AlertmanagerWebhook | Door::GrafanaWebhook, Some(query)) => {
                claim(query)?
            }
        };
        let idempotency_key =
            if door == Door::Signals { idempotency_key(&head.headers)? } else { None };
        let media = Media::of(&head.headers)?;
        let encoding = Encoding::of(&head.headers)?;
        Ok(Self { media, encoding, idempotency_key, claim })
    }

    /// Whether the sender wants counts only.
    pub(crate) fn wants_minimal(head: &Parts) -> bool {
        head.headers.get_all(PREFER).iter().any(|value| {
            let preferences = value.to_str().unwrap_or_default().split([',', ';']);
            preferences.map(str::trim).any(|one| one.eq_ignore_ascii_case("return=minimal"))
        })
    }
}

fn claim(query: &str) -> Result<Claim, Problem> {
    let mut claim = Claim::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "organization" => claim.organization = Some(value.into_owned()),
            "project" => claim.project = Some(value.into_owned()),
            _ => {
                let name: String = name.chars().take(64).collect();
                let detail = format!("query parameter `{name}` means nothing here");
                return Err(Problem::new(Code::UnknownParameter, detail));
            }
        }
    }
    Ok(claim)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=limits::IDEMPOTENCY_KEY_BYTES).contains(&key.len()) => {
            Ok(Some(key.to_owned()))
        }
        _ => {
            let limit = limits::IDEMPOTENCY_KEY_BYTES;
            let detail = format!("`Idempotency-Key` must be 1 to {limit} visible ASCII characters");
            Err(Problem::new(Code::InvalidIdempotencyKey, detail))
        }
    }
}

impl Order {
    /// Runs the decoder of the door, here or aside.
    pub(crate) async fn decode(self, applied: &Arc<dyn Applied>) -> Result<Batch, Problem> {
        let limit = match self.terms.encoding {
            Encoding::Identity => ASIDE_BYTES,
            Encoding::Gzip | Encoding::Zstd => COMPRESSED_ASIDE_BYTES,
        };
        if self.body.len() < limit {
            return self.decode_here(&**applied);
        }
        let applied = Arc::clone(applied);
        let aside = tokio::task::spawn_blocking(move || self.decode_here(&*applied));
        aside.await.unwrap_or_else(|failure| {
            tracing::error!(%failure, "decoding a body failed");
            Err(Problem::new(Code::Internal, "the body could not be decoded"))
        })
    }

    fn decode_here(self, applied: &dyn Applied) -> Result<Batch, Problem> {
        let Self { door, terms, body, mut share, grant, now } = self;
        let body = compression::decompress(body, terms.encoding, &mut share)?;
        let context = Context {
            now,
            grant: &grant,
            applied,
            mint: Mint::random(now),
            media: terms.media,
            idempotency_key: terms.idempotency_key.as_deref(),
            claim: terms.claim,
        };
        match door {
            Door::Signals => signals::decode(&body, context),
            Door::Alertmanager => alertmanager::decode(&body, context),
            Door::AlertmanagerWebhook => alertmanager_webhook::decode(&body, context),
            Door::GrafanaWebhook => grafana_webhook::decode(&body, context),
            Door::Grpc => Err(Problem::new(Code::Internal, "gRPC does not come as a body")),
        }
    }
}
