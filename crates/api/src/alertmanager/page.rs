//! Alerts as the body of an answer. A page that differs from the one before by renewals alone is the
//! one before with other points in time, written in place unless somebody is still being sent it.
//!
//! Invariant: a page is what a page made from nothing would be, and bytes that were handed out never change.

use bytes::{Bytes, BytesMut};

use super::fragment;
use super::stamp::Stamper;
use super::view::View;

/// Alerts whose points in time are written, and bytes that are copied, in less than a millisecond: where
/// there are more, it is not done on a thread that serves everybody.
const QUICK_ALERTS: usize = 20_000;
const QUICK_BYTES: usize = 1 << 20;

/// What was sent last, and what is needed to send it again a little later.
#[derive(Debug)]
pub(super) struct Page {
    /// What it shows.
    view: View,
    body: Bytes,
    shown: Vec<Shown>,
}

/// An alert by its place in the list, and where it begins in the body.
#[derive(Debug)]
struct Shown {
    index: usize,
    place: usize,
}

/// A page that is being written.
#[derive(Debug)]
pub(super) struct Writer<'l> {
    view: &'l View,
    body: Vec<u8>,
    shown: Vec<Shown>,
    stamper: Stamper,
}

impl Page {
    /// A page made from nothing by `write`, of about so many bytes.
    pub(super) fn new(view: View, bytes: usize, write: impl FnOnce(&mut Writer<'_>)) -> Self {
        let mut writer = Writer::new(&view, bytes);
        writer.shown.reserve_exact(view.list.alerts.len());
        write(&mut writer);
        let Writer { body, shown, .. } = writer;
        Self { view, body: body.into(), shown }
    }

    /// The JSON.
    pub(super) fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// Whether nothing but renewals lies between what it shows and `view`.
    pub(super) fn differs_by_renewals(&self, view: &View) -> bool {
        self.view.differs_by_renewals(view)
    }

    /// Whether renewing it takes so little that it may be done anywhere.
    pub(super) fn is_renewed_quickly(&self) -> bool {
        self.shown.len() <= QUICK_ALERTS
            && (self.body.len() <= QUICK_BYTES || self.body.is_unique())
    }

    /// The same page for a view that differs by renewals.
    pub(super) fn renewed(self, view: View) -> Self {
        let Self { view: before, body, shown } = self;
        if before.list.version == view.list.version {
            return Self { view, body, shown };
        }
        let mut body = body.try_into_mut().unwrap_or_else(|sent| BytesMut::from(&sent[..]));
        let mut stamper = Stamper::new();
        let (old, new) = (before.list.alerts.terms(), view.list.alerts.terms());
        for &Shown { index, place } in &shown {
            if old[index] != new[index] {
                fragment::set_term(&mut body[place..], new[index], &mut stamper);
            }
        }
        Self { view, body: body.freeze(), shown }
    }
}

impl<'l> Writer<'l> {
    /// Nothing written yet; room for so many bytes.
    pub(super) fn new(view: &'l View, bytes: usize) -> Self {
        let body = Vec::with_capacity(bytes);
        Self { view, body, shown: Vec::new(), stamper: Stamper::new() }
    }

    /// JSON as it is.
    pub(super) fn raw(&mut self, json: &[u8]) {
        self.body.extend_from_slice(json);
    }

    /// A JSON array of alerts.
    pub(super) fn alerts(&mut self, indices: impl Iterator<Item = usize>) {
        self.raw(b"[");
        for (number, index) in indices.enumerate() {
            self.raw(if number > 0 { b"," } else { b"" });
            self.alert(index);
        }
        self.raw(b"]");
    }

    /// What was written.
    pub(super) fn finish(self) -> Bytes {
        self.body.into()
    }

    fn alert(&mut self, index: usize) {
        let place = self.body.len();
        self.body.extend_from_slice(self.view.fragment(index));
        let term = self.view.list.alerts.terms()[index];
        fragment::set_term(&mut self.body[place..], term, &mut self.stamper);
        self.shown.push(Shown { index, place });
    }
}
