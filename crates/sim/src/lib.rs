//! A deterministic simulator: one seed gives the whole run, with its workload, faults, kills and clock.
//!
//! Journal on a faulty disk in memory, engine, store and lake in memory, driven step by step in one
//! thread. An auditor recomputes the truth from what was acknowledged, apart from the engine; after
//! every step the world is held against it. Refuses to know: threads, the time of day, the real disk,
//! the randomness of the operating system. `docs/simulator.md` says what it checks and what it does not.

pub mod auditor;
pub mod invariant;
pub mod judge;
pub mod ledger;
pub mod ports;
pub mod random;
pub mod run;
pub mod swarm;
pub mod trace;
pub mod workload;
pub mod world;

pub use invariant::{Checked, Invariant, Violation};
pub use judge::Seen;
pub use ports::Planted;
pub use run::{Failure, Plan, Report, run};
pub use swarm::Mode;
