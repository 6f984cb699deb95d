//! Snapshots of the engine's state.
//!
//! Held: what is restored can be saved, the saved bytes restore, and to an engine whose snapshot is
//! those same bytes: the form is canonical after one round.

use engine::{Engine, Snapshot};

use crate::seeds::from_hexadecimal;

/// The golden snapshot, which holds something of everything, and that of a new engine.
pub fn seeds() -> Vec<Vec<u8>> {
    let golden = include_str!("../../crates/engine/tests/golden/v1/snapshot.hex");
    vec![from_hexadecimal(golden), Engine::default().snapshot().0]
}

/// Restores an engine, saves it and restores it again.
pub fn check(bytes: &[u8]) {
    let Ok(engine) = Engine::restore(&Snapshot(bytes.to_vec())) else { return };
    let saved = engine.snapshot();
    let again = Engine::restore(&saved).expect("what an engine saved can be restored");
    assert_eq!(again.snapshot(), saved, "saved twice, the same bytes");
    assert_eq!(again.seq(), engine.seq());
    assert_eq!(again.active_incidents(), engine.active_incidents());
}
