//! The one door to a directory of files, so that a simulated disk can stand in for a real one.
//!
//! Only what the journal needs; it knows nothing of segments. A directory entry is durable after
//! `sync_dir`, a file's bytes and length after `sync_data`, and nothing earlier.

mod real;

use std::any::Any;
use std::io;
use std::sync::Arc;

pub use real::RealDisk;

/// A directory of files. Names are plain file names without separators.
pub trait Disk: Send + Sync + 'static {
    /// Where it is, for messages.
    fn place(&self) -> String;
    /// The names of all files, in no particular order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Makes a new empty file; fails with `AlreadyExists` if there is one.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;
    /// Opens a file to read and write.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;
    /// Renames a file, replacing the target if there is one.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file. Open handles keep reading it.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes creations, renames and removals durable.
    fn sync_dir(&self) -> io::Result<()>;
    /// Bytes that can still be allocated.
    fn free_bytes(&self) -> io::Result<u64>;
    /// Takes an exclusive lock that ends when the returned guard is dropped or the process dies.
    /// Fails with `WouldBlock`, naming the holder, while another has it.
    fn lock(&self, name: &str) -> io::Result<Box<dyn Any + Send + Sync>>;
}

/// One open file. All methods may be called from several threads.
pub trait File: Send + Sync {
    /// Reads at `offset`; fewer bytes than asked are possible, none mean the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes at `offset`; fewer bytes than given are possible.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Makes the file's bytes and length durable. After an error their state is unknown for good.
    fn sync_data(&self) -> io::Result<()>;
    /// Reserves space so that the file is at least `bytes` long; new space reads as zeros.
    fn allocate(&self, bytes: u64) -> io::Result<()>;
    /// Cuts or extends the file to `bytes`.
    fn truncate(&self, bytes: u64) -> io::Result<()>;
    /// Length in bytes.
    fn length(&self) -> io::Result<u64>;
}

impl dyn File + '_ {
    /// Writes all of `bytes` at `offset`.
    pub fn write_all_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = self.write_at(bytes, offset)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[written..];
            offset += written as u64;
        }
        Ok(())
    }

    /// Fills `buffer` from `offset` as far as the file goes; returns how many bytes that were.
    pub fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let read = self.read_at(&mut buffer[filled..], offset + filled as u64)?;
            if read == 0 {
                break;
            }
            filled += read;
        }
        Ok(filled)
    }

    /// Overwrites `from..to` with zeros.
    pub fn write_zeros(&self, from: u64, to: u64) -> io::Result<()> {
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        let mut offset = from;
        while offset < to {
            let bytes = (to - offset).min(ZEROS.len() as u64) as usize;
            self.write_all_at(&ZEROS[..bytes], offset)?;
            offset += bytes as u64;
        }
        Ok(())
    }
}
