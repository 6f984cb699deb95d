//! Where lakes of tests live.

use std::path::Path;
use std::sync::Arc;

use lake::conformance::Place;
use lake::{Compaction, Lake, LocalLake, MemoryLake, Options};
use tempfile::TempDir;

/// A lake in a directory that goes with it. Small files and small merges, so that tests see many.
pub(crate) struct LocalPlace(TempDir);

impl LocalPlace {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn dir(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn options(&self) -> Options {
        Options {
            compaction: Compaction { fan_in: 3, target_rows: 150, ..Compaction::default() },
            background: false,
            ..Options::new(self.dir())
        }
    }

    pub(crate) fn lake(&self) -> LocalLake {
        LocalLake::open(self.options()).unwrap()
    }
}

impl Place for LocalPlace {
    fn open(&self) -> Arc<dyn Lake> {
        Arc::new(self.lake())
    }

    fn crash(&self, lake: Arc<dyn Lake>) {
        drop(lake);
    }
}

/// A lake in memory that is still there when it is opened again.
#[derive(Default)]
pub(crate) struct MemoryPlace(Arc<MemoryLake>);

impl Place for MemoryPlace {
    fn open(&self) -> Arc<dyn Lake> {
        self.0.crash();
        Arc::clone(&self.0) as _
    }

    fn crash(&self, _: Arc<dyn Lake>) {
        self.0.crash();
    }
}
