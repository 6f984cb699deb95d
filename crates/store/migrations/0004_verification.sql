-- Who says that messages may go to an endpoint: 1 its owner, 0 whoever manages the project.
ALTER TABLE endpoints ADD COLUMN owner_confirms INTEGER NOT NULL DEFAULT 0;
