//! The records of the journal: entries of every kind, by the codec of `model`.
//!
//! Held: what is read is written again byte for byte, so a record has one form only; what is not
//! read is refused without asking for memory.

use model::codec;

use crate::seeds::from_hexadecimal;

macro_rules! golden {
    ($($name:literal),+) => {
        [$(include_str!(concat!("../../crates/model/tests/golden/v1/", $name, ".hex"))),+]
    };
}

/// The golden records, one of every kind and operation.
pub fn seeds() -> Vec<Vec<u8>> {
    let golden = golden![
        "add_link",
        "alert",
        "assign",
        "assign_nobody",
        "comment",
        "delete_policy",
        "delete_policy_any",
        "merge",
        "put_policy",
        "put_policy_new",
        "set_severity",
        "set_severity_free",
        "set_state",
        "signal",
        "signal_bare",
        "split",
        "submit_rca",
        "submit_rca_empty",
        "tick"
    ];
    golden.map(from_hexadecimal).into()
}

/// Decodes a record and encodes it again.
pub fn check(record: &[u8]) {
    if let Ok(entry) = codec::decode(record) {
        let mut again = Vec::new();
        codec::encode(&entry, &mut again);
        assert_eq!(again, record, "{entry:?}");
    }
}
