//! Writes the golden lake that `tests/it/golden.rs` reads, to the directory given. Run it for a new
//! version of the format only, and keep what it wrote for the old one.

use std::error::Error;

use lake::conformance::{append, sample};
use lake::{Lake, LocalLake, Options};
use model::Seq;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args().nth(1).ok_or("which directory?")?;
    let lake = LocalLake::open(Options { background: false, ..Options::new(dir) })?;
    let rows: Vec<_> = (1..=48_u64)
        .map(|seq| {
            let incident = (seq % 3 > 0).then_some(u128::from(seq % 3));
            sample(1 + u32::from(seq % 2 == 0), seq, incident)
        })
        .collect();
    append(&lake, &rows);
    lake.advance(Seq(50));
    lake.close()?;
    Ok(())
}
