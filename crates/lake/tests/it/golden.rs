//! The lake of version 1, written once by `examples/golden.rs`, reads for ever.

use std::fs;
use std::path::Path;

use lake::conformance::{query, sample};
use lake::{Lake, verify};
use model::Seq;

use crate::places::LocalPlace;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_lake_of_version_1_reads_as_it_was_written() {
    let place = LocalPlace::new();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1"), place.dir());
    let verified = verify(place.dir()).unwrap();
    assert_eq!((verified.files, verified.rows, verified.damaged), (2, 48, vec![]));
    let lake = place.lake();
    assert_eq!(lake.durable(), Seq(50));
    for (project, expected) in [(1, 24), (2, 24)] {
        let page = lake.signals(&query(project, None)).unwrap();
        assert_eq!(page.total, expected);
        for row in page.items {
            let incident = row.incident.map(|incident| incident.0);
            assert_eq!((row.seq.0 % 3 > 0).then_some(u128::from(row.seq.0 % 3)), incident);
            assert_eq!(row, sample(project, row.seq.0, incident).1);
        }
    }
}
