-- Who is told, where and when, and what became of it. Directives, notifications, deliveries and
-- attempts come from the journal; subscribers, endpoints and documents are administration.

CREATE TABLE subscribers (
    project INTEGER NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    contacts TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (project, id),
    UNIQUE (project, name)
) STRICT;

CREATE TABLE endpoints (
    project INTEGER NOT NULL,
    id BLOB NOT NULL,
    subscriber BLOB NOT NULL,
    channel TEXT NOT NULL,
    name TEXT NOT NULL,
    config TEXT NOT NULL,
    secrets BLOB NOT NULL,
    verified_at INTEGER,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (project, id)
) STRICT;

CREATE INDEX endpoints_created ON endpoints (project, created_at, id);
CREATE INDEX endpoints_subscriber ON endpoints (project, subscriber);

CREATE TABLE documents (
    project INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (project, kind, id),
    UNIQUE (project, kind, name)
) STRICT;

CREATE TABLE directives (
    project INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    id BLOB NOT NULL,
    version INTEGER NOT NULL,
    -- Of a rule only.
    subscriber BLOB,
    name TEXT NOT NULL,
    -- The directive in the journal's codec.
    document BLOB NOT NULL,
    PRIMARY KEY (project, kind, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX directives_subscriber
ON directives (project, subscriber, kind, id) WHERE subscriber IS NOT NULL;

-- How many directives there are, so that a page of half a million rules knows its total.
CREATE TABLE directive_counts (
    project INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    directives INTEGER NOT NULL,
    PRIMARY KEY (project, kind)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER directives_counted AFTER INSERT ON directives
BEGIN
    INSERT INTO directive_counts (project, kind, directives) VALUES (new.project, new.kind, 1)
    ON CONFLICT (project, kind) DO UPDATE SET directives = directives + 1;
END;

CREATE TRIGGER directives_discounted AFTER DELETE ON directives
BEGIN
    UPDATE directive_counts SET directives = directives - 1
    WHERE project = old.project AND kind = old.kind;
END;

-- What is told, once for all who are told of the same thing. The hash is the first 16 bytes of the
-- SHA-256 of the document, so that nobody can make two of them meet.
CREATE TABLE notices (
    project INTEGER NOT NULL,
    hash BLOB NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (project, hash)
) STRICT;

CREATE TABLE notifications (
    project INTEGER NOT NULL,
    id BLOB NOT NULL,
    subscriber BLOB NOT NULL,
    subject_kind INTEGER NOT NULL,
    subject BLOB NOT NULL,
    transition TEXT NOT NULL,
    seq INTEGER NOT NULL,
    -- The subject, or the incident that the signal belongs to.
    incident BLOB,
    status INTEGER NOT NULL,
    at INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    held_reason INTEGER,
    held_by BLOB,
    delivered_at INTEGER,
    notice BLOB NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (project, id)
) STRICT;

-- What makes it impossible that the same is due twice; also a subscriber's list.
CREATE UNIQUE INDEX notifications_key
ON notifications (project, subscriber, seq, subject_kind, subject, transition);
-- A project's list is merged from those of its statuses.
CREATE INDEX notifications_status ON notifications (project, status, seq, id);
CREATE INDEX notifications_incident
ON notifications (project, incident, seq) WHERE incident IS NOT NULL;
CREATE INDEX notifications_signal ON notifications (project, subject, seq) WHERE subject_kind = 1;

CREATE TABLE notification_counts (
    project INTEGER NOT NULL,
    status INTEGER NOT NULL,
    notifications INTEGER NOT NULL,
    PRIMARY KEY (project, status)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER notifications_counted AFTER INSERT ON notifications
BEGIN
    INSERT INTO notification_counts (project, status, notifications)
    VALUES (new.project, new.status, 1)
    ON CONFLICT (project, status) DO UPDATE SET notifications = notifications + 1;
END;

CREATE TRIGGER notifications_recounted AFTER UPDATE OF status ON notifications
WHEN old.status <> new.status
BEGIN
    UPDATE notification_counts SET notifications = notifications - 1
    WHERE project = old.project AND status = old.status;
    INSERT INTO notification_counts (project, status, notifications)
    VALUES (new.project, new.status, 1)
    ON CONFLICT (project, status) DO UPDATE SET notifications = notifications + 1;
END;

CREATE TABLE deliveries (
    project INTEGER NOT NULL,
    notification BLOB NOT NULL,
    target_kind INTEGER NOT NULL,
    target BLOB NOT NULL,
    subscriber BLOB NOT NULL,
    seq INTEGER NOT NULL,
    -- The incident that is the subject: what is about it goes to a target in order.
    incident BLOB,
    status INTEGER NOT NULL,
    -- 1 while it is due behind another about the same incident to the same target.
    blocked INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    leased_by BLOB,
    leased_until INTEGER,
    -- From when it can be handed out.
    ready_at INTEGER NOT NULL GENERATED ALWAYS AS (coalesce(leased_until, due_at)) VIRTUAL,
    delivered_at INTEGER,
    dead_at INTEGER,
    replayed_at INTEGER,
    last_answer TEXT NOT NULL,
    PRIMARY KEY (project, notification, target_kind, target)
) STRICT;

-- What can be handed out, target by target: a target with a million rows is one step to pass over.
CREATE INDEX deliveries_ready
ON deliveries (project, target_kind, target, ready_at, seq, notification)
WHERE status = 0 AND blocked = 0;
-- When anything can be handed out next.
CREATE INDEX deliveries_next ON deliveries (ready_at) WHERE status = 0 AND blocked = 0;
-- Since when anything is due.
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE status = 0;
-- What is about one incident to one target, those that wait for another apart from the first.
CREATE INDEX deliveries_line
ON deliveries (project, target_kind, target, incident, blocked, seq, notification)
WHERE status = 0 AND incident IS NOT NULL;
CREATE INDEX deliveries_leased ON deliveries (leased_by) WHERE leased_by IS NOT NULL;
-- Dead letters: all, of a target, of a subscriber.
CREATE INDEX deliveries_dead ON deliveries (project, seq, notification, dead_at) WHERE status = 3;
CREATE INDEX deliveries_dead_target
ON deliveries (project, target_kind, target, seq, notification, dead_at) WHERE status = 3;
CREATE INDEX deliveries_dead_subscriber
ON deliveries (project, subscriber, seq, notification, dead_at) WHERE status = 3;

CREATE TABLE delivery_counts (
    project INTEGER NOT NULL,
    status INTEGER NOT NULL,
    deliveries INTEGER NOT NULL,
    PRIMARY KEY (project, status)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER deliveries_counted AFTER INSERT ON deliveries
BEGIN
    INSERT INTO delivery_counts (project, status, deliveries) VALUES (new.project, new.status, 1)
    ON CONFLICT (project, status) DO UPDATE SET deliveries = deliveries + 1;
END;

CREATE TRIGGER deliveries_recounted AFTER UPDATE OF status ON deliveries
WHEN old.status <> new.status
BEGIN
    UPDATE delivery_counts SET deliveries = deliveries - 1
    WHERE project = old.project AND status = old.status;
    INSERT INTO delivery_counts (project, status, deliveries) VALUES (new.project, new.status, 1)
    ON CONFLICT (project, status) DO UPDATE SET deliveries = deliveries + 1;
END;

CREATE TABLE attempts (
    project INTEGER NOT NULL,
    notification BLOB NOT NULL,
    target_kind INTEGER NOT NULL,
    target BLOB NOT NULL,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    -- The receipt in the journal's codec.
    document BLOB NOT NULL,
    PRIMARY KEY (project, notification, target_kind, target, attempt)
) STRICT, WITHOUT ROWID;

-- What the other side called the first message to a target about an incident.
CREATE TABLE threads (
    project INTEGER NOT NULL,
    target_kind INTEGER NOT NULL,
    target BLOB NOT NULL,
    incident BLOB NOT NULL,
    reference TEXT NOT NULL,
    PRIMARY KEY (project, target_kind, target, incident)
) STRICT, WITHOUT ROWID;
