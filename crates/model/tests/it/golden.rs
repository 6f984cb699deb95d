//! Records as they were first written, in hexadecimal: read, and written again byte for byte.
//!
//! A file is made once, with its variant, and never changed: what a journal holds stays readable.

use std::collections::BTreeMap;

use expect_test::expect_file;
use model::codec;

use crate::samples;

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../golden/v1/", $name, ".hex")))),+]
    };
}

const FILES: [(&str, &str); 27] = files![
    "add_link",
    "alert",
    "assign",
    "assign_nobody",
    "comment",
    "delete_directive",
    "delete_policy",
    "delete_policy_any",
    "merge",
    "put_default_route",
    "put_escalation",
    "put_inhibition",
    "put_policy",
    "put_policy_new",
    "put_rule",
    "put_silence",
    "receipt",
    "replay_dead_letters",
    "set_severity",
    "set_severity_free",
    "set_state",
    "signal",
    "signal_bare",
    "split",
    "submit_rca",
    "submit_rca_empty",
    "tick",
];

#[test]
fn every_golden_record_is_read_and_written_again_byte_for_byte() {
    let samples: BTreeMap<_, _> = samples::all().into_iter().collect();
    for (name, text) in FILES {
        let record = bytes(text);
        let entry = codec::decode(&record).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(Some(&entry), samples.get(name), "{name}");
        let mut written = Vec::new();
        codec::encode(&entry, &mut written);
        assert_eq!(written, record, "{name}");
    }
}

#[test]
fn every_kind_and_operation_has_a_golden_record() {
    for (name, entry) in samples::all() {
        assert!(FILES.iter().any(|(file, _)| *file == name), "{name} has no golden file");
        let plain = samples::name(&entry);
        assert!(FILES.iter().any(|(file, _)| *file == plain), "{plain} has no golden file");
        let mut record = Vec::new();
        codec::encode(&entry, &mut record);
        expect_file![format!("../golden/v1/{name}.hex")].assert_eq(&hexadecimal(&record));
    }
    assert_eq!(samples::all().len(), FILES.len());
}

/// Sixteen bytes a line.
fn hexadecimal(bytes: &[u8]) -> String {
    let line = |bytes: &[u8]| {
        let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        bytes.join(" ") + "\n"
    };
    bytes.chunks(16).map(line).collect()
}

fn bytes(text: &str) -> Vec<u8> {
    let byte = |text| u8::from_str_radix(text, 16).expect("two hexadecimal digits");
    text.split_whitespace().map(byte).collect()
}
