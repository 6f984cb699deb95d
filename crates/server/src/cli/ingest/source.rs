//! Where signals are read from: a file or standard input, decompressed by what its first bytes say,
//! with the progress of reading it.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::terminal::failure::Failure;
use crate::cli::terminal::progress::say_above;
use crate::cli::terminal::times;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What is read.
pub(crate) struct Source {
    name: String,
    reader: Box<dyn Read>,
    /// Bytes of a file; unknown for a pipe.
    bytes: Option<u64>,
    read: Arc<AtomicU64>,
    compressed: bool,
}

/// A bar over the bytes of a file, or a counter for a pipe; on a terminal only.
pub(crate) struct Progress {
    bar: ProgressBar,
    read: Arc<AtomicU64>,
    /// Signals handed over to be sent.
    handed_over: AtomicU64,
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl Source {
    /// Opens a file, or standard input for `-`.
    pub(crate) fn open(name: &str) -> Result<Self, Failure> {
        let unusable = |error: io::Error| Failure::Usage(format!("cannot read {name}: {error}"));
        let read = Arc::new(AtomicU64::new(0));
        if name == "-" {
            let raw = Counted { inner: io::stdin(), read: Arc::clone(&read) };
            let (reader, compressed) = decompressed(raw).map_err(unusable)?;
            return Ok(Self {
                name: "standard input".to_owned(),
                reader,
                bytes: None,
                read,
                compressed,
            });
        }
        let file = File::open(name).map_err(unusable)?;
        let metadata = file.metadata().map_err(unusable)?;
        if metadata.is_dir() {
            return Err(Failure::Usage(format!("cannot read {name}: it is a folder")));
        }
        let bytes = metadata.is_file().then_some(metadata.len());
        let (reader, compressed) =
            decompressed(Counted { inner: file, read: Arc::clone(&read) }).map_err(unusable)?;
        Ok(Self { name: name.to_owned(), reader, bytes, read, compressed })
    }

    /// What it is called.
    pub(crate) fn name(&self) -> String {
        self.name.clone()
    }

    /// Whether somebody may still be writing it, slowly.
    pub(crate) fn is_pipe(&self) -> bool {
        self.bytes.is_none() && !self.compressed
    }

    /// The progress of reading it.
    pub(crate) fn progress(&self) -> Progress {
        let bar = self.bytes.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let template = match self.bytes {
            Some(_) => "{bar:32} {percent:>3} %  {msg}  {eta} left",
            None => "{spinner} {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Progress { bar, read: Arc::clone(&self.read), handed_over: AtomicU64::new(0) }
    }

    /// Its bytes, decompressed.
    pub(crate) fn into_reader(self) -> Box<dyn Read> {
        self.reader
    }
}

impl Progress {
    /// So many more signals were handed over.
    pub(crate) fn handed_over(&self, signals: usize) {
        self.handed_over.fetch_add(signals as u64, Ordering::Relaxed);
    }

    /// Shows how many signals were judged, and how far that is: of what was read, the part that is not under way
    /// any more. Reading alone is done long before a server that limits the rate has taken anything.
    pub(crate) fn show(&self, judged: u64) {
        let handed_over = self.handed_over.load(Ordering::Relaxed).max(judged).max(1);
        let done = self.read.load(Ordering::Relaxed) as f64 * judged as f64 / handed_over as f64;
        self.bar.set_position(self.bar.position().max(done as u64));
        self.bar.set_message(format!("{} signals", times::grouped(judged)));
    }

    /// Says something above the bar.
    pub(crate) fn say(&self, text: &str) {
        say_above(&self.bar, text);
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.inner.read(buffer)?;
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

/// The stream, and whether it was compressed.
fn decompressed(mut raw: impl Read + 'static) -> io::Result<(Box<dyn Read>, bool)> {
    let mut head = Vec::with_capacity(ZSTD.len());
    raw.by_ref().take(ZSTD.len() as u64).read_to_end(&mut head)?;
    let (gzip, zstd) = (head.starts_with(&GZIP), head.starts_with(&ZSTD));
    let whole = Cursor::new(head).chain(raw);
    Ok(match (gzip, zstd) {
        (true, _) => (Box::new(flate2::read::MultiGzDecoder::new(whole)), true),
        (_, true) => (Box::new(zstd::stream::read::Decoder::new(whole)?), true),
        (false, false) => (Box::new(whole), false),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn compression_is_told_by_the_first_bytes() {
        let text = b"{\"a\":1}\n".repeat(100);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).expect("memory can be written");
        let gzip = gzip.finish().expect("memory can be written");
        let zstd = zstd::encode_all(&text[..], 1).expect("memory can be written");
        for (bytes, compressed) in
            [(text.clone(), false), (gzip, true), (zstd, true), (Vec::new(), false)]
        {
            let expected = if bytes.is_empty() { Vec::new() } else { text.clone() };
            let (mut reader, found) = decompressed(Cursor::new(bytes)).expect("it can be read");
            let mut read = Vec::new();
            reader.read_to_end(&mut read).expect("it can be read");
            assert_eq!((read, found), (expected, compressed));
        }
    }
}
