-- What is about one alert goes to a target in order too, not only what is about one incident: `line` is
-- the id of the incident that is the subject, or the identity of the alert. It is empty for other signals,
-- and for what has not taken its place yet: what was spread out for later, until it is handed out.
-- What is already due about alerts has none, and takes its place when it is handed out.
ALTER TABLE deliveries RENAME COLUMN incident TO line;
