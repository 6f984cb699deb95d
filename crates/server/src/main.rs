//! stormbell
fn main() {}
