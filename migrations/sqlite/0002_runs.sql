-- Runs, and their connections to hosts that no upstream governs.

CREATE TABLE runs (
    id       TEXT PRIMARY KEY CHECK (id GLOB 'run_?*'),
    agent_id TEXT NOT NULL REFERENCES agents (id),
    -- As it was started; never changed.
    record   TEXT NOT NULL,
    revision INTEGER NOT NULL CHECK (revision >= 0),
    state    TEXT NOT NULL CHECK (state ->> '$.state' IN ('running', 'ended')),
    began_at INTEGER NOT NULL,
    ended_at INTEGER,
    UNIQUE (id, agent_id),
    CHECK ((ended_at IS NULL) = (state ->> '$.state' = 'running'))
) STRICT;
CREATE INDEX runs_open ON runs (began_at) WHERE ended_at IS NULL;

-- The run an approval was asked in, from its statement.
ALTER TABLE approvals ADD COLUMN run TEXT GENERATED ALWAYS AS (statement ->> '$.run') VIRTUAL;
CREATE INDEX approvals_run ON approvals (run) WHERE run IS NOT NULL;

CREATE TABLE open_connections (
    id          TEXT PRIMARY KEY,
    at          INTEGER NOT NULL,
    run_id      TEXT NOT NULL,
    agent_id    TEXT NOT NULL,
    approval_id TEXT REFERENCES approvals (id),
    host        TEXT NOT NULL,
    FOREIGN KEY (run_id, agent_id) REFERENCES runs (id, agent_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX open_connections_at ON open_connections (at);
