-- What Exeat keeps. Times are microseconds since the Unix epoch, digests are 32 bytes, ids are their text.
-- The rules of the design stand here a second time (I1, I8): a broken program is refused by the database.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    id      TEXT PRIMARY KEY,
    purpose TEXT NOT NULL CHECK (purpose IN ('token', 'ledger', 'vault', 'authority')),
    public  BLOB NOT NULL,
    sealed  BLOB NOT NULL,
    since   INTEGER NOT NULL
) STRICT;

CREATE TABLE people (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    roles      TEXT NOT NULL,
    key_hash   BLOB NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    removed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX people_name ON people (name) WHERE removed_at IS NULL;

CREATE TABLE agents (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    record     TEXT NOT NULL,
    key_hash   BLOB NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    removed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX agents_name ON agents (name) WHERE removed_at IS NULL;

CREATE TABLE identities (
    identity TEXT PRIMARY KEY CHECK (identity GLOB 'user:?*' OR identity GLOB 'service:?*')
) STRICT, WITHOUT ROWID;

-- The current version of each.
CREATE TABLE upstreams (
    id      TEXT PRIMARY KEY,
    name    TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL CHECK (version >= 1),
    record  TEXT NOT NULL
) STRICT;

CREATE TABLE credentials (
    id          TEXT PRIMARY KEY,
    version     INTEGER NOT NULL CHECK (version >= 1),
    upstream_id TEXT NOT NULL REFERENCES upstreams (id),
    identity    TEXT NOT NULL REFERENCES identities (identity),
    sealed      BLOB NOT NULL,
    -- Two credentials for one use would leave the choice to chance (A15).
    UNIQUE (upstream_id, identity)
) STRICT;

CREATE TABLE approvals (
    id             TEXT PRIMARY KEY,
    agent_id       TEXT NOT NULL REFERENCES agents (id),
    identity       TEXT NOT NULL REFERENCES identities (identity),
    state          TEXT NOT NULL CHECK (state IN
                       ('pending', 'approved', 'spent', 'denied', 'cancelled', 'expired', 'revoked')),
    revision       INTEGER NOT NULL CHECK (revision >= 0),
    statement      TEXT NOT NULL,
    digest         BLOB NOT NULL CHECK (length(digest) = 32),
    -- The state with what is true in it; its counters are the columns below.
    record         TEXT NOT NULL CHECK (record ->> '$.state' = state),
    request_digest BLOB NOT NULL CHECK (length(request_digest) = 32),
    policy         BLOB NOT NULL CHECK (length(policy) = 32),
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    max_tokens     INTEGER NOT NULL CHECK (max_tokens >= 1),
    tokens_issued  INTEGER NOT NULL DEFAULT 0 CHECK (tokens_issued BETWEEN 0 AND max_tokens),
    max_uses       INTEGER NOT NULL CHECK (max_uses >= 1),
    uses           INTEGER NOT NULL DEFAULT 0 CHECK (uses BETWEEN 0 AND max_uses),
    -- Something it was given for has changed since (I6). There is no way back.
    stale          INTEGER NOT NULL DEFAULT 0 CHECK (stale IN (0, 1)),
    UNIQUE (id, identity),
    UNIQUE (id, agent_id),
    -- At most a day (I8).
    CHECK (expires_at > created_at AND expires_at - created_at <= 86400000000),
    CHECK (tokens_issued = 0 OR state IN ('approved', 'spent', 'expired', 'revoked')),
    CHECK (uses = 0 OR tokens_issued > 0),
    CHECK (state <> 'spent' OR tokens_issued = max_tokens)
) STRICT;
CREATE INDEX approvals_agent ON approvals (agent_id, state);
CREATE INDEX approvals_state ON approvals (state, expires_at);
CREATE INDEX approvals_created ON approvals (created_at);

CREATE TABLE bound (
    approval_id        TEXT NOT NULL REFERENCES approvals (id),
    upstream_id        TEXT NOT NULL REFERENCES upstreams (id),
    upstream_version   INTEGER NOT NULL,
    credential_id      TEXT NOT NULL REFERENCES credentials (id),
    credential_version INTEGER NOT NULL,
    PRIMARY KEY (approval_id, credential_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX bound_upstream ON bound (upstream_id);
CREATE INDEX bound_credential ON bound (credential_id);

-- The people who approved, once an approval is approved.
CREATE TABLE approvers (
    approval_id TEXT NOT NULL REFERENCES approvals (id),
    person_id   TEXT NOT NULL REFERENCES people (id),
    PRIMARY KEY (approval_id, person_id)
) STRICT, WITHOUT ROWID;

-- No token without an approval that names a human approver and an acting identity (I1).
CREATE TABLE tokens (
    id          TEXT PRIMARY KEY,
    approval_id TEXT NOT NULL,
    agent_id    TEXT NOT NULL,
    identity    TEXT NOT NULL,
    approver_id TEXT NOT NULL,
    issued_at   INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    revoked_at  INTEGER,
    FOREIGN KEY (approval_id, identity) REFERENCES approvals (id, identity),
    FOREIGN KEY (approval_id, agent_id) REFERENCES approvals (id, agent_id),
    FOREIGN KEY (approval_id, approver_id) REFERENCES approvers (approval_id, person_id),
    -- At most an hour (I8).
    CHECK (expires_at > issued_at AND expires_at - issued_at <= 3600000000)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER tokens_admitted BEFORE INSERT ON tokens
WHEN NOT EXISTS (
    SELECT 1 FROM approvals a JOIN agents g ON g.id = a.agent_id
    WHERE a.id = NEW.approval_id AND +a.state = 'approved' AND a.stale = 0 AND g.removed_at IS NULL
      AND NEW.issued_at < a.expires_at AND NEW.expires_at <= a.expires_at
)
BEGIN SELECT RAISE(ABORT, 'the approval gives no token now'); END;

CREATE TABLE open_uses (
    id          TEXT PRIMARY KEY,
    at          INTEGER NOT NULL,
    token_id    TEXT NOT NULL REFERENCES tokens (id),
    approval_id TEXT NOT NULL,
    agent_id    TEXT NOT NULL,
    run_id      TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX open_uses_at ON open_uses (at);

CREATE TABLE idempotency (
    agent_id       TEXT NOT NULL REFERENCES agents (id),
    key            TEXT NOT NULL,
    request_digest BLOB NOT NULL CHECK (length(request_digest) = 32),
    approval_id    TEXT NOT NULL REFERENCES approvals (id),
    PRIMARY KEY (agent_id, key)
) STRICT, WITHOUT ROWID;

-- The log. Only ever added to.
CREATE TABLE entries (
    idx      INTEGER PRIMARY KEY CHECK (idx >= 0),
    at       INTEGER NOT NULL,
    type     TEXT NOT NULL,
    body     TEXT NOT NULL,
    leaf     BLOB NOT NULL CHECK (length(leaf) = 32),
    approval TEXT,
    token    TEXT,
    agent    TEXT,
    run      TEXT,
    usage    TEXT
) STRICT;
CREATE INDEX entries_at ON entries (at);
CREATE INDEX entries_type ON entries (type);
CREATE INDEX entries_approval ON entries (approval) WHERE approval IS NOT NULL;
CREATE INDEX entries_token ON entries (token) WHERE token IS NOT NULL;
CREATE INDEX entries_agent ON entries (agent) WHERE agent IS NOT NULL;
CREATE INDEX entries_run ON entries (run) WHERE run IS NOT NULL;
CREATE INDEX entries_usage ON entries (usage) WHERE usage IS NOT NULL;

CREATE TRIGGER entries_stay BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END;
CREATE TRIGGER entries_remain BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are never removed'); END;

-- Complete subtrees of 256 leaves, of 65536, …; the leaves are in their entries.
CREATE TABLE nodes (
    level INTEGER NOT NULL CHECK (level IN (8, 16, 24, 32, 40, 48, 56)),
    idx   INTEGER NOT NULL CHECK (idx >= 0),
    hash  BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;

-- Signed heads (C2SP tlog-checkpoint), one per commit.
CREATE TABLE checkpoints (
    size INTEGER PRIMARY KEY CHECK (size >= 1),
    note TEXT NOT NULL
) STRICT;
CREATE TRIGGER checkpoints_stay BEFORE UPDATE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints are never changed'); END;
CREATE TRIGGER checkpoints_remain BEFORE DELETE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints are never removed'); END;

CREATE TABLE ledger_head (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    size     INTEGER NOT NULL CHECK (size >= 0),
    frontier BLOB NOT NULL,
    last_at  INTEGER
) STRICT;
INSERT INTO ledger_head (one, size, frontier, last_at) VALUES (1, 0, zeroblob(8), NULL);
