//! The records of one append, framed as they will lie on disk.
//!
//! One contiguous buffer: encoders write payloads in place, the checksum is computed once, in the
//! caller's thread, and the bytes go to the disk as they are.

use crate::frame::{self, FRAME_BYTES, Frames};

/// Records to be appended together. All of them become durable, or none is acknowledged.
#[derive(Debug, Clone, Default)]
pub struct Records {
    buffer: Vec<u8>,
    count: u32,
    largest_bytes: usize,
}

impl Records {
    /// No records yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// No records yet, with room for `bytes` of frames (a frame is 8 bytes and its payload).
    pub fn with_capacity(bytes: usize) -> Self {
        Self { buffer: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Adds one record with this payload.
    pub fn push(&mut self, payload: &[u8]) {
        self.push_with(|buffer| buffer.extend_from_slice(payload));
    }

    /// Adds one record whose payload `write` appends to the buffer it is given.
    ///
    /// # Panics
    /// If `write` shortens the buffer instead of appending to it.
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; FRAME_BYTES]);
        write(&mut self.buffer);
        let payload_bytes = self.buffer.len().checked_sub(start + FRAME_BYTES);
        let payload_bytes = payload_bytes.expect("an encoder appends, it never shortens");
        frame::seal(&mut self.buffer[start..]);
        self.count += 1;
        self.largest_bytes = self.largest_bytes.max(payload_bytes);
    }

    /// How many records there are.
    pub fn len(&self) -> u32 {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of all frames, payloads and their 8 byte heads.
    pub fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// The payloads, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        Frames::new(&self.buffer).map(|frame| frame.payload)
    }

    /// Size of the largest payload, in bytes.
    pub(crate) fn largest_bytes(&self) -> usize {
        self.largest_bytes
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.buffer
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushed_payloads_come_back_in_order_with_valid_frames() {
        let mut records = Records::with_capacity(64);
        records.push(b"one");
        records.push(b"");
        records.push_with(|buffer| buffer.extend_from_slice(b"three"));
        assert_eq!(records.iter().collect::<Vec<_>>(), [&b"one"[..], b"", b"three"]);
        assert_eq!((records.len(), records.bytes(), records.largest_bytes()), (3, 32, 5));
        assert!(Frames::new(records.as_bytes()).all(|frame| frame.is_intact()));
    }

    #[test]
    fn zeroed_space_is_not_an_intact_empty_record() {
        let frame = Frames::new(&[0; 8]).next().expect("eight bytes are one frame");
        assert!(!frame.is_intact());
    }
}
