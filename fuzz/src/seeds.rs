//! Where a target's first inputs go: into the folder that the variable `FUZZ_SEEDS_INTO` names,
//! before libFuzzer reads its corpus. Without the variable nothing is written.

use std::path::Path;
use std::{env, fs};

/// Writes every seed to a file of its own.
///
/// # Panics
/// The folder cannot be written to.
pub fn write(seeds: &[Vec<u8>]) {
    let Some(folder) = env::var_os("FUZZ_SEEDS_INTO") else { return };
    for (number, seed) in seeds.iter().enumerate() {
        let path = Path::new(&folder).join(format!("seed-{number:02}"));
        fs::write(&path, seed).unwrap_or_else(|error| panic!("write {}: {error}", path.display()));
    }
}

/// Seeds from texts, each behind the bytes that choose the circumstances.
pub(crate) fn with_choice(choices: &[&[u8]], texts: &[&str]) -> Vec<Vec<u8>> {
    let each = |choice: &[u8], text: &&str| [choice, text.as_bytes()].concat();
    choices.iter().flat_map(|choice| texts.iter().map(|text| each(choice, text))).collect()
}

/// The bytes of a golden file in hexadecimal digits; white space does not matter.
pub(crate) fn from_hexadecimal(text: &str) -> Vec<u8> {
    let digits = text.chars().filter_map(|digit| digit.to_digit(16));
    let digits: Vec<u8> = digits.map(|digit| digit as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
