//! Plans of the outbox's statements: whatever is due, none of them walks a table.
