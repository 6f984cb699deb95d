//! What a page shows: the alerts that fire at one moment, and what of them is held back.

use std::sync::Arc;

use bytes::Bytes;
use store::AlertList;

use super::fragment;
use super::suppression::Suppressed;

/// Alerts at one moment.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) list: Arc<AlertList>,
    pub(super) suppressed: Arc<Suppressed>,
}

impl View {
    /// The JSON of the alert at a place; what stands where its term belongs says nothing.
    pub(super) fn fragment(&self, index: usize) -> &Bytes {
        match self.suppressed.at(index) {
            Some(held) => &held.rendered,
            None => fragment::of(&self.list.alerts.bodies()[index]),
        }
    }

    /// Whether nothing but renewals lies between both. May be false where it is so.
    pub(super) fn differs_by_renewals(&self, other: &Self) -> bool {
        let (own, others) = (&self.suppressed, &other.suppressed);
        self.list.alerts.differs_by_renewals(&other.list.alerts)
            && (Arc::ptr_eq(own, others) || (own.is_empty() && others.is_empty()))
    }

    /// Bytes of all alerts in an array, with what stands around it.
    pub(super) fn bytes(&self) -> usize {
        (0..self.list.alerts.len()).map(|index| self.fragment(index).len() + 1).sum::<usize>() + 3
    }
}
