//! Every case of the conformance suite on every backend.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lake::conformance::{Place, cases};

use crate::places::{LocalPlace, MemoryPlace};

#[test]
fn the_local_lake_keeps_the_contract() {
    check(|| Box::new(LocalPlace::new()));
}

#[test]
fn the_lake_in_memory_keeps_the_contract() {
    check(|| Box::new(MemoryPlace::default()));
}

fn check(place: impl Fn() -> Box<dyn Place>) {
    let broken: Vec<_> = cases()
        .into_iter()
        .filter(|(_, case)| {
            let place = place();
            catch_unwind(AssertUnwindSafe(|| case(&*place))).is_err()
        })
        .map(|(name, _)| name)
        .collect();
    assert!(broken.is_empty(), "not so: {broken:#?}");
}
