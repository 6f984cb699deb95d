-- The first schema. Times are microseconds since the Unix epoch, UTC; ids are 16 bytes, most
-- significant first; statuses, severities and kinds are the numbers of the journal's codec.

CREATE TABLE organizations (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE projects (
    id INTEGER PRIMARY KEY,
    organization INTEGER NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (organization, name)
) STRICT;

CREATE TABLE keys (
    id BLOB NOT NULL PRIMARY KEY,
    project INTEGER NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    rate_per_second INTEGER,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER
) STRICT;

CREATE INDEX keys_project ON keys (project, created_at, id);

CREATE TABLE admin_audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor_kind INTEGER NOT NULL,
    actor_name TEXT NOT NULL,
    project INTEGER NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;

CREATE INDEX admin_audit_project ON admin_audit (project, id);

CREATE TABLE offsets (
    partition INTEGER PRIMARY KEY,
    applied_seq INTEGER NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;

CREATE TABLE incidents (
    project INTEGER NOT NULL,
    id BLOB NOT NULL,
    number INTEGER NOT NULL,
    title TEXT NOT NULL,
    status INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    severity_pinned INTEGER NOT NULL,
    component TEXT NOT NULL,
    component_type INTEGER NOT NULL,
    environment TEXT NOT NULL,
    policy BLOB NOT NULL,
    grouping_hash BLOB NOT NULL,
    grouping_key TEXT NOT NULL,
    first_signal_at INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    assignee TEXT,
    acknowledged_at INTEGER,
    resolved_at INTEGER,
    closed_at INTEGER,
    mtta_seconds INTEGER,
    mttr_seconds INTEGER,
    merged_into BLOB,
    split_from BLOB,
    links TEXT NOT NULL,
    changed_seq INTEGER NOT NULL,
    PRIMARY KEY (project, id),
    UNIQUE (project, number)
) STRICT;

CREATE INDEX incidents_component ON incidents (project, component);
CREATE INDEX incidents_grouping ON incidents (project, grouping_hash);
CREATE INDEX incidents_merged ON incidents (project, merged_into) WHERE merged_into IS NOT NULL;

-- What changes with every signal, and what lists are ordered by: rows so narrow that a signal
-- rewrites little. `number`, `status` and `severity` are those of the incident.
CREATE TABLE incident_counters (
    project INTEGER NOT NULL,
    incident BLOB NOT NULL,
    number INTEGER NOT NULL,
    status INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    signal_count INTEGER NOT NULL,
    last_signal_at INTEGER NOT NULL,
    PRIMARY KEY (project, incident)
) STRICT, WITHOUT ROWID;

-- An incident stands in exactly one of these two, so that a signal touches one index.
CREATE INDEX incident_counters_active
ON incident_counters (project, severity, last_signal_at, number) WHERE status <> 3;
CREATE INDEX incident_counters_closed
ON incident_counters (project, severity, last_signal_at, number) WHERE status = 3;

-- How many incidents there are, so that a list knows its total without counting.
CREATE TABLE incident_counts (
    project INTEGER NOT NULL,
    status INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    incidents INTEGER NOT NULL,
    PRIMARY KEY (project, status, severity)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER incidents_counted AFTER INSERT ON incidents
BEGIN
    INSERT INTO incident_counts (project, status, severity, incidents)
    VALUES (new.project, new.status, new.severity, 1)
    ON CONFLICT (project, status, severity) DO UPDATE SET incidents = incidents + 1;
END;

CREATE TRIGGER incidents_recounted AFTER UPDATE OF status, severity ON incidents
WHEN old.status <> new.status OR old.severity <> new.severity
BEGIN
    UPDATE incident_counts SET incidents = incidents - 1
    WHERE project = old.project AND status = old.status AND severity = old.severity;
    INSERT INTO incident_counts (project, status, severity, incidents)
    VALUES (new.project, new.status, new.severity, 1)
    ON CONFLICT (project, status, severity) DO UPDATE SET incidents = incidents + 1;
END;

CREATE TABLE audit (
    project INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    position INTEGER NOT NULL,
    incident BLOB,
    at INTEGER NOT NULL,
    actor_kind INTEGER NOT NULL,
    actor_name TEXT NOT NULL,
    action TEXT NOT NULL,
    detail TEXT NOT NULL,
    reason INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (project, seq, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_incident ON audit (project, incident, seq, position);

CREATE TABLE rcas (
    project INTEGER NOT NULL,
    incident BLOB NOT NULL,
    root_cause_category TEXT NOT NULL,
    fix_applied TEXT NOT NULL,
    prevention_steps TEXT NOT NULL,
    incident_start INTEGER,
    incident_end INTEGER,
    timeline_note TEXT NOT NULL,
    action_items TEXT NOT NULL,
    submitted_by_kind INTEGER NOT NULL,
    submitted_by_name TEXT NOT NULL,
    submitted_at INTEGER NOT NULL,
    PRIMARY KEY (project, incident)
) STRICT;

CREATE TABLE rca_drafts (
    project INTEGER NOT NULL,
    incident BLOB NOT NULL,
    root_cause_category TEXT NOT NULL,
    fix_applied TEXT NOT NULL,
    prevention_steps TEXT NOT NULL,
    incident_start INTEGER,
    incident_end INTEGER,
    timeline_note TEXT NOT NULL,
    action_items TEXT NOT NULL,
    edited_by_kind INTEGER NOT NULL,
    edited_by_name TEXT NOT NULL,
    edited_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (project, incident)
) STRICT;

CREATE TABLE policies (
    project INTEGER NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    matcher TEXT NOT NULL,
    key_fields TEXT NOT NULL,
    mode TEXT NOT NULL,
    window_us INTEGER NOT NULL,
    cap INTEGER NOT NULL,
    quiet_us INTEGER NOT NULL,
    reopen_within_us INTEGER NOT NULL,
    open_when_count INTEGER NOT NULL,
    open_when_within_us INTEGER NOT NULL,
    auto_lifecycle INTEGER NOT NULL,
    resolve_with_alerts INTEGER NOT NULL,
    position INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (project, id)
) STRICT;

CREATE TABLE alerts (
    project INTEGER NOT NULL,
    identity BLOB NOT NULL,
    incident BLOB,
    updated_at INTEGER NOT NULL,
    -- The alert as an entry of the journal, in the codec of docs/formats/entry.md.
    entry BLOB NOT NULL,
    PRIMARY KEY (project, identity)
) STRICT, WITHOUT ROWID;

CREATE TABLE signal_moves (
    project INTEGER NOT NULL,
    signal_seq INTEGER NOT NULL,
    filed_in BLOB,
    now_in BLOB NOT NULL,
    PRIMARY KEY (project, signal_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX signal_moves_out ON signal_moves (project, filed_in) WHERE filed_in IS NOT NULL;
CREATE INDEX signal_moves_in ON signal_moves (project, now_in);

-- What a new installation starts with.
INSERT INTO organizations (id, name, created_at) VALUES (1, 'default', unixepoch() * 1000000);
INSERT INTO projects (id, organization, name, created_at) VALUES (1, 1, 'default', unixepoch() * 1000000);
