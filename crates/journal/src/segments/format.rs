//! The bytes of a segment file. The page `docs/formats/journal.md` describes them for strangers.
//!
//! Pure encoding and decoding, no I/O. The checksum of a segment's header is the seed of every
//! other checksum in that segment, so a batch image inside a payload, or one copied from another
//! segment, is never taken for a batch. All integers are little endian.

use super::options::is_segment_size;
use crate::frame::Frames;

pub(super) const VERSION: u32 = 1;
/// Bytes of a segment header, a segment footer and a clean mark.
pub(super) const BLOCK_BYTES: usize = 64;
pub(super) const BATCH_HEADER_BYTES: usize = 40;
const SEGMENT_MAGIC: [u8; 8] = *b"SBJSEGMT";
const FOOTER_MAGIC: [u8; 8] = *b"SBJSEALD";
const MARK_MAGIC: [u8; 8] = *b"SBJCLEAN";
pub(super) const BATCH_MAGIC: [u8; 4] = [0xB1, b'S', b'J', b'B'];

pub(super) type Block = [u8; BLOCK_BYTES];

/// The first block of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) first_seq: u64,
    /// Not before the last batch of the segment before, so time survives an empty segment.
    pub(super) created_at: i64,
    pub(super) segment_bytes: u64,
}

/// Where the batches of a segment end: the content of a footer, and of a clean mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) first_seq: u64,
    pub(super) end_seq: u64,
    pub(super) offset: u64,
    pub(super) at: i64,
}

/// The head of one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchHeader {
    pub(super) body_bytes: u32,
    pub(super) count: u32,
    pub(super) first_seq: u64,
    pub(super) at: i64,
    /// crc32c over the body: binds the records to this batch.
    pub(super) body_crc: u32,
}

/// A block as read from disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoded<T> {
    Valid(T),
    /// Intact, but of a version this program does not read.
    Newer(u32),
    Invalid,
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> Block {
        let mut block = begin(SEGMENT_MAGIC);
        put(&mut block, 16, self.first_seq.to_le_bytes());
        put(&mut block, 24, self.created_at.to_le_bytes());
        put(&mut block, 32, self.segment_bytes.to_le_bytes());
        finish(block, 0)
    }

    pub(super) fn decode(block: &Block) -> Decoded<Self> {
        let decoded = decode(block, SEGMENT_MAGIC, 0, |block| Self {
            first_seq: u64_at(block, 16),
            created_at: u64_at(block, 24).cast_signed(),
            segment_bytes: u64_at(block, 32),
        });
        match decoded {
            // No segment was ever made in such a size, and space is reserved by it.
            Decoded::Valid(header) if !is_segment_size(header.segment_bytes) => Decoded::Invalid,
            decoded => decoded,
        }
    }
}

/// The seed of all checksums in the segment that begins with this encoded header.
pub(super) fn seed_of(header: &Block) -> u32 {
    u32_at(header, 60)
}

impl End {
    pub(super) fn encode_footer(&self, seed: u32) -> Block {
        self.encode(FOOTER_MAGIC, seed)
    }

    pub(super) fn decode_footer(block: &Block, seed: u32) -> Decoded<Self> {
        decode(block, FOOTER_MAGIC, seed, Self::fields)
    }

    pub(super) fn encode_mark(&self) -> Block {
        self.encode(MARK_MAGIC, 0)
    }

    pub(super) fn decode_mark(block: &Block) -> Decoded<Self> {
        decode(block, MARK_MAGIC, 0, Self::fields)
    }

    fn encode(&self, magic: [u8; 8], seed: u32) -> Block {
        let mut block = begin(magic);
        put(&mut block, 16, self.first_seq.to_le_bytes());
        put(&mut block, 24, self.end_seq.to_le_bytes());
        put(&mut block, 32, self.offset.to_le_bytes());
        put(&mut block, 40, self.at.to_le_bytes());
        finish(block, seed)
    }

    fn fields(block: &Block) -> Self {
        Self {
            first_seq: u64_at(block, 16),
            end_seq: u64_at(block, 24),
            offset: u64_at(block, 32),
            at: u64_at(block, 40).cast_signed(),
        }
    }
}

impl BatchHeader {
    pub(super) fn encode(&self, seed: u32) -> [u8; BATCH_HEADER_BYTES] {
        let mut bytes = [0; BATCH_HEADER_BYTES];
        put(&mut bytes, 0, BATCH_MAGIC);
        put(&mut bytes, 8, self.body_bytes.to_le_bytes());
        put(&mut bytes, 12, self.count.to_le_bytes());
        put(&mut bytes, 16, self.first_seq.to_le_bytes());
        put(&mut bytes, 24, self.at.to_le_bytes());
        put(&mut bytes, 32, self.body_crc.to_le_bytes());
        let crc = crc32c::crc32c_append(seed, &bytes[8..]);
        put(&mut bytes, 4, crc.to_le_bytes());
        bytes
    }

    /// The header at the beginning of `bytes`, if there is an intact one of this segment.
    pub(super) fn decode(bytes: &[u8], seed: u32) -> Option<Self> {
        let bytes = bytes.first_chunk::<BATCH_HEADER_BYTES>()?;
        let crc = crc32c::crc32c_append(seed, &bytes[8..]);
        if bytes[..4] != BATCH_MAGIC || u32_at(bytes, 4) != crc {
            return None;
        }
        Some(Self {
            body_bytes: u32_at(bytes, 8),
            count: u32_at(bytes, 12),
            first_seq: u64_at(bytes, 16),
            at: u64_at(bytes, 24).cast_signed(),
            body_crc: u32_at(bytes, 32),
        })
    }

    pub(super) fn end_seq(&self) -> u64 {
        self.first_seq.saturating_add(u64::from(self.count))
    }

    /// Header and body.
    pub(super) fn batch_bytes(&self) -> u64 {
        BATCH_HEADER_BYTES as u64 + u64::from(self.body_bytes)
    }

    /// Whether `body` holds exactly the records this header was written for, every byte intact.
    ///
    /// One checksum over the whole body is several times faster than one for each small record.
    pub(super) fn matches(&self, body: &[u8]) -> bool {
        if crc32c::crc32c(body) != self.body_crc {
            return false;
        }
        let mut frames = Frames::new(body);
        let count = frames.by_ref().count() as u64;
        frames.rest().is_empty() && count == u64::from(self.count)
    }
}

fn begin(magic: [u8; 8]) -> Block {
    let mut block = [0; BLOCK_BYTES];
    put(&mut block, 0, magic);
    put(&mut block, 8, VERSION.to_le_bytes());
    block
}

fn finish(mut block: Block, seed: u32) -> Block {
    let crc = crc32c::crc32c_append(seed, &block[..60]);
    put(&mut block, 60, crc.to_le_bytes());
    block
}

fn decode<T>(block: &Block, magic: [u8; 8], seed: u32, fields: impl Fn(&Block) -> T) -> Decoded<T> {
    let crc = crc32c::crc32c_append(seed, &block[..60]);
    if block[..8] != magic || u32_at(block, 60) != crc {
        return Decoded::Invalid;
    }
    let version = u32_at(block, 8);
    if version == VERSION { Decoded::Valid(fields(block)) } else { Decoded::Newer(version) }
}

fn put<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) {
    bytes[at..at + N].copy_from_slice(&value);
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_header_of_a_newer_version_is_told_from_damage() {
        let header = SegmentHeader { first_seq: 7, created_at: -3, segment_bytes: 4096 };
        let mut block = header.encode();
        assert_eq!(SegmentHeader::decode(&block), Decoded::Valid(header));
        block[8] = 2;
        assert_eq!(SegmentHeader::decode(&block), Decoded::Invalid);
        let block = finish(block, 0);
        assert_eq!(SegmentHeader::decode(&block), Decoded::Newer(2));
    }

    #[test]
    fn a_segment_header_with_a_size_that_no_segment_has_is_not_valid() {
        for segment_bytes in [0, 63, 2_048, 4_097, (1 << 30) + 512, u64::MAX] {
            let header = SegmentHeader { first_seq: 7, created_at: 1, segment_bytes };
            assert_eq!(SegmentHeader::decode(&header.encode()), Decoded::Invalid);
        }
    }

    #[test]
    fn a_batch_header_of_another_segment_is_not_valid_here() {
        let header = BatchHeader { body_bytes: 9, count: 1, first_seq: 5, at: 6, body_crc: 7 };
        let bytes = header.encode(1);
        assert_eq!(BatchHeader::decode(&bytes, 1), Some(header));
        assert_eq!(BatchHeader::decode(&bytes, 2), None);
        assert_eq!(BatchHeader::decode(&bytes[..39], 1), None);
    }
}
