//! Notifications, and the notices that many of them share.

use std::sync::Arc;

use model::codec::wire::Writer;
use model::{Notice, Notification, ProjectId, Subject};
use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteRow;

use crate::Error;
use crate::outbox::{NotificationStatus, incident_of};
use crate::sqlite::bulk::Values;
use crate::sqlite::columns::Columns;

const KEY: [&str; 2] = ["project", "id"];

pub(in crate::sqlite) const COLUMNS: [&str; 15] = [
    "project",
    "id",
    "subscriber",
    "subject_kind",
    "subject",
    "transition",
    "seq",
    "incident",
    "status",
    "at",
    "deadline",
    "held_reason",
    "held_by",
    "notice",
    "document",
];

/// Names a notice: the first half of the SHA-256 of its document.
pub(in crate::sqlite) type NoticeHash = [u8; 16];

/// A notification, and what its notice is called.
#[derive(Debug, Clone, Copy)]
pub(in crate::sqlite) struct NotificationRow<'a> {
    pub(in crate::sqlite) notification: &'a Notification,
    pub(in crate::sqlite) notice: NoticeHash,
}

/// A notice as it is stored.
#[derive(Debug)]
pub(in crate::sqlite) struct NoticeRow {
    pub(in crate::sqlite) project: ProjectId,
    pub(in crate::sqlite) hash: NoticeHash,
    document: Vec<u8>,
}

impl NoticeRow {
    pub(in crate::sqlite) fn new(project: ProjectId, notice: &Notice) -> Self {
        let mut document = Vec::new();
        model::codec::write_notice(&mut Writer(&mut document), notice);
        let digest: [u8; 32] = Sha256::digest(&document).into();
        let mut hash = NoticeHash::default();
        hash.copy_from_slice(&digest[..16]);
        Self { project, hash, document }
    }
}

pub(in crate::sqlite) fn write_notice(values: &mut Values, row: &NoticeRow) {
    values.add(i64::from(row.project.0)).add(&row.hash[..]).add(&row.document[..]);
}

/// Where a notification stands before any of its deliveries has moved.
pub(in crate::sqlite) fn first_status(notification: &Notification) -> NotificationStatus {
    let waits = notification.held.is_none() && !notification.targets.is_empty();
    if waits { NotificationStatus::Pending } else { NotificationStatus::Held }
}

pub(in crate::sqlite) fn write(values: &mut Values, row: &NotificationRow<'_>) {
    let notification = row.notification;
    let mut document = Vec::new();
    model::codec::write_notification(&mut Writer(&mut document), notification);
    let (subject_kind, subject) = match notification.subject {
        Subject::Incident(id) => (0_i64, id.to_bytes()),
        Subject::Signal(id) => (1, id.to_bytes()),
    };
    let status = first_status(notification);
    values
        .add(i64::from(notification.project.0))
        .add(&notification.id.to_bytes()[..])
        .add(&notification.subscriber.to_bytes()[..])
        .add(subject_kind)
        .add(subject.to_vec())
        .add(notification.transition.to_string())
        .add(notification.seq.0.cast_signed())
        .add(incident_of(notification).map(|id| id.to_bytes().to_vec()))
        .add(i64::from(status.code()))
        .add(notification.at.micros())
        .add(notification.deadline.micros())
        .add(notification.held.map(|held| i64::from(held.reason.code())))
        .add(notification.held.map(|held| held.by.to_bytes().to_vec()))
        .add(&row.notice[..])
        .add(document);
}

/// Reads a notification from the columns `document` and `notice_document` of a row about it.
pub(in crate::sqlite) fn read(row: &SqliteRow) -> Result<Notification, Error> {
    let columns = Columns::new(row, "notifications", &KEY);
    let notice = columns.coded("notice_document", model::codec::read_notice)?;
    read_telling(row, Arc::new(notice))
}

/// Reads a notification from the column `document` of a row about it, which tells `notice`.
pub(in crate::sqlite) fn read_telling(
    row: &SqliteRow,
    notice: Arc<Notice>,
) -> Result<Notification, Error> {
    let columns = Columns::new(row, "notifications", &KEY);
    let told =
        columns.coded("document", |reader| model::codec::read_notification(reader, notice))?;
    if told.project != columns.project("project")? || told.id != columns.notification("id")? {
        return Err(columns.unreadable("document", "the notification of this row"));
    }
    Ok(told)
}
