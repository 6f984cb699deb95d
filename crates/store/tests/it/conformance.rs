//! Every backend under the same list of cases.

use std::sync::Arc;

use store::{MemoryStore, Options, SqliteStore, Store, conformance};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_does_what_the_traits_say() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::sync::atomic::AtomicU32::new(0);
    conformance::run(|| async {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = folder.path().join(format!("{number}.sqlite"));
        Arc::new(SqliteStore::open(Options::new(path)).await.unwrap()) as Arc<dyn Store>
    })
    .await;
}

#[tokio::test]
async fn memory_does_what_the_traits_say() {
    conformance::run(|| async { Arc::new(MemoryStore::new()) as Arc<dyn Store> }).await;
}
