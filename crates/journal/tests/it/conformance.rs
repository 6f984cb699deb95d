//! The shared list of promises, kept by segment files on both disks.

use std::sync::Arc;

use journal::conformance::{Storage, run};
use journal::fault::FaultDisk;
use journal::{Disk, Error, Journal, Options, RealDisk, SegmentJournal, SystemClock};
use tempfile::TempDir;

struct Segments {
    disk: Arc<dyn Disk>,
    _directory: Option<TempDir>,
}

impl Storage for Segments {
    fn open(&self) -> Result<Arc<dyn Journal>, Error> {
        // Small segments, so that every case rolls over some.
        let options = Options { segment_bytes: 128 << 10, ..Options::default() };
        let (journal, _) = SegmentJournal::open(options, self.disk.clone(), Arc::new(SystemClock))?;
        Ok(Arc::new(journal))
    }
}

#[test]
fn segment_files_on_a_real_disk_conform() {
    run(|| {
        let directory = tempfile::tempdir().unwrap();
        let disk = Arc::new(RealDisk::new(directory.path().join("journal")).unwrap());
        Segments { disk, _directory: Some(directory) }
    });
}

#[test]
fn segment_files_on_a_simulated_disk_conform() {
    run(|| Segments { disk: FaultDisk::new(7).mount(), _directory: None });
}
