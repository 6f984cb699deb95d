//! Bounded decompression: what grows beyond the limit stops early, however small it came.

use std::io::Read;

use bytes::Bytes;
use model::limits;

use crate::body_memory::Share;
use crate::code::Code;
use crate::media::Encoding;
use crate::problem::Problem;

/// Bytes asked for at once, so that memory is accounted for as it is taken.
const STEP_BYTES: usize = 64 << 10;
/// Largest window of a zstd frame: the limit of a body, 16 MiB.
const ZSTD_WINDOW_LOG: u32 = limits::BATCH_BYTES.ilog2();

/// Undoes the encoding of `body`; `share` grows by what that takes.
pub(crate) fn decompress(
    body: Bytes,
    encoding: Encoding,
    share: &mut Share,
) -> Result<Bytes, Problem> {
    match encoding {
        Encoding::Identity => Ok(body),
        Encoding::Gzip => read_all(flate2::read::MultiGzDecoder::new(&body[..]), "gzip", share),
        Encoding::Zstd => {
            let unusable = |_| Problem::new(Code::Internal, "zstd cannot be set up");
            let mut reader = zstd::Decoder::with_buffer(&body[..]).map_err(unusable)?;
            reader.window_log_max(ZSTD_WINDOW_LOG).map_err(unusable)?;
            read_all(reader, "zstd", share)
        }
    }
}

fn read_all(reader: impl Read, name: &str, share: &mut Share) -> Result<Bytes, Problem> {
    let mut reader = reader.take(limits::BATCH_BYTES as u64 + 1);
    let mut plain = Vec::new();
    loop {
        let before = plain.len();
        share.grow(STEP_BYTES)?;
        let step = reader.by_ref().take(STEP_BYTES as u64).read_to_end(&mut plain);
        step.map_err(|failure| {
            let detail = format!("the body is not valid {name}: {failure}");
            Problem::new(Code::InvalidCompression, detail)
        })?;
        if plain.len() > limits::BATCH_BYTES {
            return Err(Problem::body_too_large(" after decompression"));
        }
        if plain.len() == before {
            return Ok(plain.into());
        }
    }
}
