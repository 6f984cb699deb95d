//! What is done to a data directory while no server runs on it.
