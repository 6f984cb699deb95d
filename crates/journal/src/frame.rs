//! The frame around one record: `len u32le | crc32c u32le | payload`.
//!
//! The checksum covers the length bytes and the payload, so zeroed disk space is not an empty
//! record. Frames follow each other without padding.

/// Bytes of a frame before its payload.
pub(crate) const FRAME_BYTES: usize = 8;

/// Fills in length and checksum of a frame whose payload is in place.
pub(crate) fn seal(frame: &mut [u8]) {
    let length = u32::try_from(frame.len() - FRAME_BYTES).unwrap_or(u32::MAX).to_le_bytes();
    let crc = checksum(length, &frame[FRAME_BYTES..]);
    frame[..4].copy_from_slice(&length);
    frame[4..8].copy_from_slice(&crc.to_le_bytes());
}

/// The frames of a body, in order; stops at the first one that does not fit into the bytes.
#[derive(Debug, Clone)]
pub(crate) struct Frames<'a> {
    rest: &'a [u8],
}

/// One frame as it lies in the bytes; its checksum is not verified yet. Readers verify the checksum
/// of the whole batch; this one says which records of a damaged batch are still whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    length: [u8; 4],
    crc: [u8; 4],
    pub(crate) payload: &'a [u8],
}

impl<'a> Frames<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    /// Bytes that were not taken as frames.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let (length, after) = self.rest.split_first_chunk::<4>()?;
        let (crc, after) = after.split_first_chunk::<4>()?;
        let bytes = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (payload, after) = after.split_at_checked(bytes)?;
        self.rest = after;
        Some(Frame { length: *length, crc: *crc, payload })
    }
}

impl Frame<'_> {
    pub(crate) fn is_intact(&self) -> bool {
        checksum(self.length, self.payload) == u32::from_le_bytes(self.crc)
    }
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length), payload)
}
