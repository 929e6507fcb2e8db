-- People signed in on the pages. What is over or ended is in the log, and not here.

CREATE TABLE sessions (
    id         TEXT PRIMARY KEY CHECK (id GLOB 'ses_?*'),
    person_id  TEXT NOT NULL REFERENCES people (id),
    record     TEXT NOT NULL,
    key_hash   BLOB NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_person ON sessions (person_id);
