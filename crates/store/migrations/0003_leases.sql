-- Less to write for a delivery. Leases are this process's and live in its memory: they end with it,
-- and whoever starts next had to give them back in any case. Counts are kept by the commit, once for
-- each status, not by triggers for each row. One index serves everything that is due.

DROP TRIGGER notifications_counted;
DROP TRIGGER notifications_recounted;
DROP TRIGGER deliveries_counted;
DROP TRIGGER deliveries_recounted;

DROP INDEX deliveries_ready;
DROP INDEX deliveries_next;
DROP INDEX deliveries_due;
DROP INDEX deliveries_leased;

UPDATE deliveries SET leased_by = NULL, leased_until = NULL WHERE leased_by IS NOT NULL;

-- The position in the journal of the latest replay.
ALTER TABLE deliveries ADD COLUMN replayed_seq INTEGER;

-- What is due and waits behind no other, target by target: a target with a million rows is one step
-- to pass over.
CREATE INDEX deliveries_ready
ON deliveries (project, target_kind, target, due_at, seq, notification)
WHERE status = 0 AND blocked = 0;
