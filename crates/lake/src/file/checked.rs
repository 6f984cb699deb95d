//! Checksums of a file: CRC32C of every block of its data, kept in the footer, and of the footer, kept
//! in the manifest. A read verifies every block that it touches.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// Bytes of one block of data.
const BLOCK: u64 = 32 << 10;

/// Counts and sums what is written through it.
pub(super) struct SummedWrite<W> {
    inner: W,
    at: u64,
    sum: u32,
    blocks: Vec<u32>,
    tail_at: Option<u64>,
}

impl<W> SummedWrite<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, at: 0, sum: 0, blocks: Vec::new(), tail_at: None }
    }

    /// Ends the data: what is written from now on is the tail. Answers the sums of the blocks.
    pub(super) fn begin_tail(&mut self) -> &[u32] {
        if !self.at.is_multiple_of(BLOCK) {
            self.blocks.push(self.sum);
        }
        self.sum = 0;
        self.tail_at = Some(self.at);
        &self.blocks
    }

    /// Where the tail begins, its sum, and where it ends.
    pub(super) fn tail(&self) -> (u64, u32, u64) {
        (self.tail_at.unwrap_or(self.at), self.sum, self.at)
    }

    pub(super) fn inner(&self) -> &W {
        &self.inner
    }

    fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let left = if self.tail_at.is_some() { u64::MAX } else { BLOCK - self.at % BLOCK };
            let take = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.sum = crc32c::crc32c_append(self.sum, &bytes[..take]);
            self.at += take as u64;
            bytes = &bytes[take..];
            if self.tail_at.is_none() && self.at.is_multiple_of(BLOCK) {
                self.blocks.push(self.sum);
                self.sum = 0;
            }
        }
    }
}

impl<W: Write> Write for SummedWrite<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.add(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The tail of a file in memory, as the reader of footers wants it.
pub(super) struct Tail {
    /// Where it begins.
    pub(super) at: u64,
    /// Its bytes.
    pub(super) bytes: Bytes,
}

impl Tail {
    /// Reads the bytes from `at` to `end` and verifies their sum.
    pub(super) fn read(file: &File, at: u64, end: u64, sum: u32) -> Result<Self> {
        let length = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, at)?;
        if crc32c::crc32c(&bytes) != sum {
            return Err(ParquetError::General(format!(
                "the footer from byte {at} does not fit its checksum"
            )));
        }
        Ok(Self { at, bytes: bytes.into() })
    }
}

impl Length for Tail {
    fn len(&self) -> u64 {
        self.at + self.bytes.len() as u64
    }
}

impl ChunkReader for Tail {
    type T = io::Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        let length = self.len().saturating_sub(start);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.get_bytes(start, length).map(io::Cursor::new)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let from = start.checked_sub(self.at).and_then(|from| usize::try_from(from).ok());
        let range = from.and_then(|from| Some(from..from.checked_add(length)?));
        match range {
            Some(range) if range.end <= self.bytes.len() => Ok(self.bytes.slice(range)),
            _ => Err(ParquetError::General(format!("byte {start} is not in the footer"))),
        }
    }
}

/// The data of a file, verified block by block.
#[derive(Clone)]
pub(super) struct CheckedData(Arc<Data>);

struct Data {
    file: File,
    /// Bytes of data.
    length: u64,
    blocks: Arc<[u32]>,
}

impl CheckedData {
    pub(super) fn new(file: File, length: u64, blocks: Arc<[u32]>) -> Self {
        Self(Arc::new(Data { file, length, blocks }))
    }

    /// Reads every block and verifies it.
    pub(super) fn verify(&self) -> Result<()> {
        let step = 32 * BLOCK;
        for start in (0..self.0.length).step_by(step as usize) {
            let length = step.min(self.0.length - start);
            self.get_bytes(start, length as usize)?;
        }
        Ok(())
    }
}

impl Length for CheckedData {
    fn len(&self) -> u64 {
        self.0.length
    }
}

impl ChunkReader for CheckedData {
    type T = CheckedRead;

    fn get_read(&self, start: u64) -> Result<CheckedRead> {
        Ok(CheckedRead { data: self.clone(), at: start, ready: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let data = &self.0;
        let end = start.checked_add(length as u64).filter(|&end| end <= data.length);
        let end = end.ok_or_else(|| {
            ParquetError::General(format!(
                "{length} bytes from {start} reach beyond the data, which ends at {}",
                data.length
            ))
        })?;
        let first = start - start % BLOCK;
        let last = end.next_multiple_of(BLOCK).min(data.length);
        let mut bytes = vec![0; (last - first) as usize];
        data.file.read_exact_at(&mut bytes, first)?;
        for (index, block) in bytes.chunks(BLOCK as usize).enumerate() {
            let number = (first / BLOCK) as usize + index;
            if data.blocks.get(number) != Some(&crc32c::crc32c(block)) {
                return Err(ParquetError::General(format!(
                    "the block from byte {} does not fit its checksum",
                    number as u64 * BLOCK
                )));
            }
        }
        let from = (start - first) as usize;
        Ok(Bytes::from(bytes).slice(from..from + length))
    }
}

/// Reads verified data from some byte on.
pub(super) struct CheckedRead {
    data: CheckedData,
    at: u64,
    ready: Bytes,
}

impl Read for CheckedRead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.ready.is_empty() {
            let left = self.data.len().saturating_sub(self.at);
            let take = left.min(BLOCK - self.at % BLOCK);
            self.ready = self.data.get_bytes(self.at, take as usize).map_err(io::Error::other)?;
            self.at += take;
        }
        let take = into.len().min(self.ready.len());
        into[..take].copy_from_slice(&self.ready.split_to(take));
        Ok(take)
    }
}
