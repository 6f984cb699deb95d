//! The journal's disk with a stopwatch: every sync of a file is timed, nothing else is changed.

use std::any::Any;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use journal::disk::File;
use journal::{Disk, RealDisk};

use super::histogram::Histogram;

/// A real disk whose syncs are timed.
pub(super) struct MeteredDisk {
    disk: RealDisk,
    syncs: Arc<Histogram>,
}

impl MeteredDisk {
    pub(super) fn new(disk: RealDisk, syncs: Arc<Histogram>) -> Self {
        Self { disk, syncs }
    }

    fn metered(&self, file: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(MeteredFile { file, syncs: Arc::clone(&self.syncs) })
    }
}

impl Disk for MeteredDisk {
    fn place(&self) -> String {
        self.disk.place()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(self.metered(self.disk.create(name)?))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(self.metered(self.disk.open(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.disk.sync_dir()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.disk.free_bytes()
    }

    fn lock(&self, name: &str) -> io::Result<Box<dyn Any + Send + Sync>> {
        self.disk.lock(name)
    }
}

struct MeteredFile {
    file: Arc<dyn File>,
    syncs: Arc<Histogram>,
}

impl File for MeteredFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        let began = Instant::now();
        let synced = self.file.sync_data();
        self.syncs.observe(began.elapsed());
        synced
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.file.allocate(bytes)
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.file.truncate(bytes)
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
}
