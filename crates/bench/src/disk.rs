//! The disk by itself: a write with a sync, and reading files from front to back, cold.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::statistics::Latencies;

/// Writes 4 KiB and syncs, over and over in a file that is already there, as a journal's segment is.
pub(crate) fn write_and_sync(directory: &Path, length: Duration) -> std::io::Result<Latencies> {
    let path = directory.join("plain");
    std::fs::write(&path, vec![0; 16 << 20])?;
    let file = File::options().write(true).open(&path)?;
    file.sync_all()?;
    let (began, mut latencies, mut offset) = (Instant::now(), Latencies::new(), 0);
    while began.elapsed() < length {
        let before = Instant::now();
        file.write_all_at(&[7; 4_096], offset)?;
        file.sync_data()?;
        latencies.add(before.elapsed());
        offset = (offset + 4_096) % (16 << 20);
    }
    std::fs::remove_file(path)?;
    Ok(latencies)
}

/// Lets the page cache go of every file below a folder, as a machine that was off has.
pub(crate) fn forget(directory: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            forget(&path)?;
        } else {
            let file = File::open(path)?;
            file.sync_all()?;
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        }
    }
    Ok(())
}

/// Reads every file of a folder from front to back; bytes and seconds.
pub(crate) fn read_all(directory: &Path) -> std::io::Result<(u64, f64)> {
    let (mut buffer, mut bytes) = (vec![0; 1 << 20], 0);
    let began = Instant::now();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if !path.is_file() {
            continue;
        }
        let mut file = File::open(path)?;
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                read => bytes += read as u64,
            }
        }
    }
    Ok((bytes, began.elapsed().as_secs_f64()))
}
