//! The doors: everything between a wire and the journal.
//!
//! One door is one module of `doors` with a pure `decode` (bytes and a [`Context`] in, a [`Batch`] of verdicts
//! out) and a thin transport: [`Doors::handle`] for HTTP, [`IngestService`] for gRPC. The rules of a
//! signal stand once, in `validate`, those of an alert once, in `alert`.
//!
//! Refuses to know the engine, the store's tables and routing beyond its own paths. Invariant: what
//! is answered as accepted is durable, and one bad item never fails its neighbours.

mod alert;
mod answer;
mod batch;
mod body;
mod body_memory;
mod code;
mod compression;
mod context;
mod credential;
mod doors;
mod draft;
mod fingerprint;
mod json;
mod media;
mod metrics;
mod mint;
mod order;
mod ports;
mod problem;
mod queue;
mod rate;
mod time;
mod validate;

pub use answer::Answer;
pub use batch::{Batch, Rejection};
pub use code::Code;
pub use context::{Claim, Context};
pub use doors::grpc::IngestService;
pub use doors::{
    Door, Doors, MessageBody, Options, alertmanager, alertmanager_webhook, grafana_webhook, grpc,
    signals, webhook,
};
pub use media::{Encoding, Media};
pub use metrics::Metrics;
pub use mint::Mint;
pub use ports::{Applied, Clock, Pressure, Refusal, SystemClock};
pub use problem::Problem;
