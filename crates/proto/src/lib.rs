//! The gRPC wire types of `proto/`, generated and committed.
//!
//! Nothing here is written by hand except this file: `cargo xtask codegen` writes what is in
//! `generated/` and `cargo xtask tidy` fails when it is stale. The crate refuses to know what a
//! signal means; it exists because the door, the command line and the benchmarks speak the same
//! messages. `bytes` fields are [`bytes::Bytes`], so a payload is not copied on its way in.

/// The package `stormbell.v1`: the service `Ingest` with its messages, client and server.
#[allow(missing_docs, unused_qualifications, clippy::all, reason = "generated code")]
pub mod v1 {
    include!("generated/stormbell.v1.rs");
}

/// The encoded `FileDescriptorSet` of everything in `proto/`, for gRPC server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/descriptors.bin");
