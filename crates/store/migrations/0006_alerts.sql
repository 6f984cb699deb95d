-- Alerts stand in the order in which they came, and only their index in that of their identities, which are
-- hashes: a commit of new alerts rewrites the pages at the end, not one page for each alert.

CREATE TABLE alerts_in_order (
    project INTEGER NOT NULL,
    identity BLOB NOT NULL,
    incident BLOB,
    updated_at INTEGER NOT NULL,
    -- The alert as an entry of the journal, in the codec of docs/formats/entry.md.
    entry BLOB NOT NULL,
    PRIMARY KEY (project, identity)
) STRICT;

INSERT INTO alerts_in_order (project, identity, incident, updated_at, entry)
SELECT project, identity, incident, updated_at, entry FROM alerts;

DROP TABLE alerts;
ALTER TABLE alerts_in_order RENAME TO alerts;
