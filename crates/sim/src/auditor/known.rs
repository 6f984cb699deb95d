//! Where the engine is known to differ from the domain page. Each constant goes with its fix: set it
//! to `false`, and the simulator holds the engine to the page.

/// A policy that changes its mode keeps its grouping keys, so incidents of both modes share one.
/// The page of the engine's key function says that the mode is part of the key.
pub(crate) const KEY_IGNORES_MODE: bool = true;

/// An incident that `open_when` opens takes severity, first signal and firing identities from the
/// last of its signals alone. The domain page: the severity is the highest seen, the first signal
/// the first one, and an incident resolves by itself when *every* firing identity is resolved.
pub(crate) const OPENING_FORGETS_EARLIER_SIGNALS: bool = true;

/// In `window` mode a signal joins the incident of the current window without reopening it when it is
/// RESOLVED. The lifecycle table: RESOLVED → OPEN when the same key fires within `reopen_within`.
pub(crate) const WINDOW_LEAVES_RESOLVED: bool = true;
