//! What an endpoint of the console says: nothing.

use crate::channels::fields::Fields;

/// Nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Config;

impl Config {
    pub(super) fn read(_: &mut Fields<'_>) -> Self {
        Self
    }
}
