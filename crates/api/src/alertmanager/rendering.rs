//! The pages that were sent last, one of alerts and one of groups for each project, so that the next
//! poll has little to do however many poll.
//!
//! Invariant: a poll that starts after a change was applied is answered with that change: the list it
//! is answered from was taken after it came.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use model::ProjectId;
use store::AlertList;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::blocking;
use super::groups::Grouping;
use super::page::{Page, Writer};
use super::suppression::{self, Suppressed, Suppression};
use super::view::View;
use crate::Api;
use crate::problem::Problem;

/// What was rendered last, for each project that was asked for: never more than there are projects.
#[derive(Debug, Default)]
pub(crate) struct Renderings {
    projects: Mutex<HashMap<ProjectId, Arc<Kept>>>,
}

/// What was rendered last of one project.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Of all alerts.
    pub(super) alerts: Line<()>,
    /// Of all groups.
    pub(super) groups: Line<Grouping>,
    /// Of what is held back.
    suppression: Arc<AsyncMutex<Suppression>>,
}

/// A page that those who ask at one moment share: one renders, the others wait in line for the same.
#[derive(Debug, Default)]
pub(super) struct Line<T> {
    /// Lists taken so far.
    taken: AtomicU64,
    shelf: Arc<AsyncMutex<Shelf<T>>>,
}

/// Where a page is kept, with what it takes to make it.
#[derive(Debug, Default)]
pub(super) struct Shelf<T> {
    pub(super) basis: T,
    page: Option<Page>,
    /// The number of the list that the page shows.
    number: u64,
}

/// Somebody's turn to render.
pub(super) struct Turn<T> {
    shelf: OwnedMutexGuard<Shelf<T>>,
    number: u64,
    list: Arc<AlertList>,
}

/// What comes of waiting in line.
pub(super) enum Reached<T> {
    /// A page that shows what there was when the line was joined, or later.
    Page(Bytes),
    /// A turn, with a list that was just taken.
    Turn(Turn<T>),
}

impl Renderings {
    /// What is kept of a project.
    pub(super) fn of(&self, project: ProjectId) -> Arc<Kept> {
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(projects.entry(project).or_default())
    }
}

impl Kept {
    /// What of a list is held back now.
    pub(super) async fn suppressed(
        &self,
        api: &Api,
        project: ProjectId,
        list: &Arc<AlertList>,
    ) -> Result<Arc<Suppressed>, Problem> {
        suppression::of(&self.suppression, api, project, list).await
    }
}

impl<T> Line<T> {
    /// Waits in line for a page.
    pub(super) async fn page(&self, snapshot: impl Fn() -> Arc<AlertList>) -> Reached<T> {
        let taken_before = self.taken.load(Ordering::SeqCst);
        let shelf = Arc::clone(&self.shelf).lock_owned().await;
        if let Some(page) = &shelf.page
            && shelf.number > taken_before
        {
            return Reached::Page(page.body());
        }
        Reached::Turn(self.take(shelf, snapshot))
    }

    /// Waits in line for a turn.
    pub(super) async fn turn(&self, snapshot: impl Fn() -> Arc<AlertList>) -> Turn<T> {
        let shelf = Arc::clone(&self.shelf).lock_owned().await;
        self.take(shelf, snapshot)
    }

    /// Counts first, looks then: whoever read a smaller number came before the look.
    fn take(
        &self,
        shelf: OwnedMutexGuard<Shelf<T>>,
        snapshot: impl Fn() -> Arc<AlertList>,
    ) -> Turn<T> {
        let number = self.taken.fetch_add(1, Ordering::SeqCst) + 1;
        Turn { shelf, number, list: snapshot() }
    }
}

impl<T: Send + 'static> Turn<T> {
    /// The list that is to be shown.
    pub(super) fn list(&self) -> &Arc<AlertList> {
        &self.list
    }

    /// What it takes to make the page.
    pub(super) fn basis(&mut self) -> &mut T {
        &mut self.shelf.basis
    }

    /// Lets go of the page: it was made of another basis.
    pub(super) fn discard(&mut self) {
        self.shelf.page = None;
    }

    /// The page: the last one renewed where nothing but renewals lies between, else a new one by `make`.
    pub(super) async fn render(
        mut self,
        suppressed: Arc<Suppressed>,
        make: impl FnOnce(&mut T, View) -> Page + Send + 'static,
    ) -> Result<Bytes, Problem> {
        let view = View { list: Arc::clone(&self.list), suppressed };
        let last = self.shelf.page.as_ref();
        let last = last.filter(|page| page.differs_by_renewals(&view));
        if last.is_some_and(Page::is_renewed_quickly) {
            return Ok(self.finish(view, make));
        }
        blocking(move || self.finish(view, make)).await
    }

    /// The page is off the shelf meanwhile: after a panic there is none, rather than half of one.
    fn finish(&mut self, view: View, make: impl FnOnce(&mut T, View) -> Page) -> Bytes {
        let page = match self.shelf.page.take() {
            Some(page) if page.differs_by_renewals(&view) => page.renewed(view),
            Some(_) | None => make(&mut self.shelf.basis, view),
        };
        let body = page.body();
        self.shelf.page = Some(page);
        self.shelf.number = self.number;
        body
    }
}

/// The page of all alerts.
pub(super) async fn alerts(api: &Api, project: ProjectId) -> Result<Bytes, Problem> {
    let kept = api.renderings().of(project);
    match kept.alerts.page(|| api.ports().alerts.snapshot(project)).await {
        Reached::Page(body) => Ok(body),
        Reached::Turn(turn) => {
            let suppressed = kept.suppressed(api, project, turn.list()).await?;
            turn.render(suppressed, |(), view| alerts_page(view)).await
        }
    }
}

/// The page of all alerts, made from nothing.
pub(super) fn alerts_page(view: View) -> Page {
    let (all, bytes) = (0..view.list.alerts.len(), view.bytes());
    Page::new(view, bytes, |writer| write_alerts(writer, all))
}

/// Writes a page of some alerts.
pub(super) fn write_alerts(writer: &mut Writer<'_>, indices: impl Iterator<Item = usize>) {
    writer.alerts(indices);
    writer.raw(b"\n");
}
