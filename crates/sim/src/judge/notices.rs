//! Holds who is told against the auditor, and what became of it against what endpoints saw.

use std::collections::BTreeMap;

use model::{
    DirectiveKind, Effect, Effects, Notification, NotificationId, ProjectId, Receipt, Seq, Target,
    Timestamp, Verdict,
};
use store::{
    DeliveryRow, DeliveryStatus, Directory, LetterFilter, NotificationFilter, NotificationStatus,
    NotificationView, Outbox,
};

use super::{Judge, projects};
use crate::auditor::Told;
use crate::invariant::{Invariant, Violation};
use crate::world::{World, at_once};

/// An entry tells exactly what the auditor says, to whom and with which rules and targets, each once.
pub(super) fn check(
    seq: Seq,
    at: Timestamp,
    told: &[Told],
    effects: &Effects,
) -> Result<(), Violation> {
    let mut found: Vec<&Notification> = effects
        .0
        .iter()
        .filter_map(|effect| match effect {
            Effect::Notified(notification) => Some(&**notification),
            _ => None,
        })
        .collect();
    let mut expected: Vec<&Told> = told.iter().collect();
    found.sort_by_key(|one| (one.project, one.subscriber, one.subject, one.transition));
    expected.sort_by_key(|one| (one.project, one.subscriber, one.subject, one.transition));
    for index in 0..found.len().max(expected.len()) {
        let (found, expected) = (found.get(index), expected.get(index));
        let same = match (found, expected) {
            (Some(found), Some(expected)) => is_told(found, expected, seq, at),
            _ => false,
        };
        if !same {
            let what = format!("entry {seq} tells {found:?}, the auditor says {expected:?}");
            return Err(Violation::new(Invariant::Domain, what));
        }
    }
    Ok(())
}

fn is_told(found: &Notification, expected: &Told, seq: Seq, at: Timestamp) -> bool {
    let as_told = Told {
        project: found.project,
        subscriber: found.subscriber,
        subject: found.subject,
        transition: found.transition,
        rules: found.rules.clone(),
        targets: found.targets.clone(),
        muted_by: found.muted_by.clone(),
        deadline: found.deadline,
        held: found.held,
        severity: found.notice.severity,
    };
    let Told { project, subscriber, subject, transition, .. } = *expected;
    let id = NotificationId::mint(project, subscriber, subject, transition, seq, at);
    as_told == *expected && (found.id, found.seq, found.at) == (id, seq, at)
}

impl Judge {
    /// The directives in force are those of the auditor.
    pub(super) fn check_directives(&mut self, world: &World) -> Result<(), Violation> {
        for project in projects(world) {
            for &kind in DirectiveKind::ALL {
                let page = world.store.directives(project, kind, None, None, model::limits::PAGE);
                let found = at_once(page).expect("the store in memory answers").items;
                let expected = self.auditor.directives(project, kind);
                if found.iter().ne(expected.iter().copied()) {
                    let what = format!("{kind}s {found:?}, the auditor says {expected:?}");
                    return Err(Violation::new(Invariant::Domain, what));
                }
            }
        }
        Ok(())
    }

    /// I2: what was told and what became of it is what a replay gives. To whom it was spread, and what
    /// was leased, are no entries.
    pub(super) fn check_outbox(&mut self, world: &World) -> Result<(), Violation> {
        if !world.swarm.delivery {
            return Ok(());
        }
        for project in projects(world) {
            let kept = views(&*world.store, project);
            let replayed = views(&self.replayed, project);
            let pairs = kept.iter().zip(&replayed);
            let other = pairs.into_iter().find(|(mine, theirs)| !is_same(mine, theirs));
            if let Some((mine, theirs)) = other {
                let what = format!(
                    "of {:?} the store has {:?}, a replay {:?}",
                    mine.notification,
                    entries_of(mine),
                    entries_of(theirs)
                );
                return Err(Violation::new(Invariant::I2, what));
            }
            if kept.len() != replayed.len() {
                let what = format!("{} notifications, in a replay {}", kept.len(), replayed.len());
                return Err(Violation::new(Invariant::I2, what));
            }
        }
        Ok(())
    }

    /// I5: nothing is pending; who was told saw it, and who was not has a dead letter or a reason.
    pub(crate) fn check_settled(&mut self, world: &World) -> Result<(), Violation> {
        for project in projects(world) {
            let filter = LetterFilter { limit: usize::MAX, ..LetterFilter::default() };
            let letters = at_once(world.store.letters(project, &filter));
            let letters = letters.expect("the store in memory answers").items;
            let letters: BTreeMap<(NotificationId, Target), Notification> = letters
                .into_iter()
                .map(|letter| ((letter.notification.id, letter.target), letter.notification))
                .collect();
            for view in views(&*world.store, project) {
                self.checked.count(Invariant::I5);
                let wrong = unsettled(world, &view, |target| {
                    let letter = letters.get(&(view.notification.id, target));
                    letter == Some(&view.notification)
                });
                if let Some(why) = wrong {
                    let what = format!("{why}: {view:?}");
                    return Err(Violation::new(Invariant::I5, what));
                }
            }
        }
        Ok(())
    }
}

/// What is not as it must be with a notification after everything has come to rest.
fn unsettled(
    world: &World,
    view: &NotificationView,
    has_letter: impl Fn(Target) -> bool,
) -> Option<&'static str> {
    let notification = &view.notification;
    if notification.held.is_some() {
        let quiet = view.deliveries.is_empty() && view.attempts.is_empty();
        return (!quiet).then_some("it is held and was sent");
    }
    if view.status == NotificationStatus::Pending {
        return Some("it is pending");
    }
    let targets = notification.targets.iter();
    let missing = |target: &&Target| !view.deliveries.iter().any(|row| row.target == **target);
    if targets.into_iter().any(|target| missing(&target)) {
        return Some("a target has no delivery");
    }
    view.deliveries.iter().find_map(|row| wrong_delivery(world, view, row, &has_letter))
}

fn wrong_delivery(
    world: &World,
    view: &NotificationView,
    row: &DeliveryRow,
    has_letter: &impl Fn(Target) -> bool,
) -> Option<&'static str> {
    let (seen, yes) = match row.target {
        Target::Endpoint(endpoint) => world.saw(view.notification.id, endpoint),
        Target::OnCall(_) | Target::Person(_) => (false, false),
    };
    let mut last: Option<&Receipt> = None;
    for receipt in view.attempts.iter().filter(|receipt| receipt.target == row.target) {
        if last.is_none_or(|last| last.attempt < receipt.attempt) {
            last = Some(receipt);
        }
    }
    let is_last = |verdict| last.is_some_and(|last| last.verdict == verdict);
    let right = match row.status {
        DeliveryStatus::Due => false,
        DeliveryStatus::Delivered => is_last(Verdict::Delivered) && seen && yes,
        DeliveryStatus::Folded => is_last(Verdict::Folded) && seen && yes,
        DeliveryStatus::Dead => is_last(Verdict::Dead) && has_letter(row.target),
        DeliveryStatus::Held => is_last(Verdict::HeldBack),
        DeliveryStatus::Spread => !matches!(row.target, Target::Endpoint(_)),
    };
    (!right).then_some("a delivery is not settled as it must be")
}

fn is_same(mine: &NotificationView, theirs: &NotificationView) -> bool {
    mine.notification == theirs.notification
        && mine.attempts == theirs.attempts
        && entries_of(mine) == entries_of(theirs)
}

/// Of the deliveries, what follows from entries: that what is due to a person or a schedule was spread
/// out does not, nor to which endpoints and from when, until a receipt says so.
fn entries_of(view: &NotificationView) -> Vec<DeliveryRow> {
    let named = |row: &DeliveryRow| view.notification.targets.contains(&row.target);
    let rows = view.deliveries.iter().filter(|row| row.attempts > 0 || named(row));
    rows.map(|row| {
        let status = match row.status {
            DeliveryStatus::Spread => DeliveryStatus::Due,
            other => other,
        };
        let due_at = if named(row) { row.due_at } else { Timestamp::default() };
        DeliveryRow { status, due_at, ..row.clone() }
    })
    .collect()
}

/// Every notification of a project, newest first.
fn views(outbox: &dyn Outbox, project: ProjectId) -> Vec<NotificationView> {
    let mut filter = NotificationFilter { limit: model::limits::PAGE, ..Default::default() };
    let mut views = Vec::new();
    loop {
        let page = at_once(outbox.notifications(project, &filter));
        let page = page.expect("the store in memory answers");
        views.extend(page.items);
        filter.after = page.next;
        if filter.after.is_none() {
            return views;
        }
    }
}
