-- People's passkeys: what verifies their signatures. Nothing in here is secret; ones that were removed are in the log.

CREATE TABLE passkeys (
    id         TEXT PRIMARY KEY,
    person_id  TEXT NOT NULL REFERENCES people (id),
    name       TEXT NOT NULL,
    record     TEXT NOT NULL,
    -- How often it has signed, where it counts. It never goes back: one that does was copied (WebAuthn §6.1.1).
    sign_count INTEGER NOT NULL CHECK (sign_count >= 0)
) STRICT;
CREATE INDEX passkeys_person ON passkeys (person_id);
CREATE TRIGGER passkeys_rise BEFORE UPDATE ON passkeys
WHEN new.sign_count < old.sign_count
BEGIN SELECT RAISE(ABORT, 'a passkey counts up'); END;
