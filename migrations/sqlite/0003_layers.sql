-- Layers: other people's proxies and sandboxes, which ask and report.

CREATE TABLE layers (
    id         TEXT PRIMARY KEY CHECK (id GLOB 'lay_?*'),
    name       TEXT NOT NULL,
    record     TEXT NOT NULL,
    key_hash   BLOB NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    removed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX layers_name ON layers (name) WHERE removed_at IS NULL;

-- What each has reported, by the source and id of its event: said twice, it is on record once.
CREATE TABLE layer_events (
    layer_id TEXT NOT NULL REFERENCES layers (id),
    source   TEXT NOT NULL,
    event_id TEXT NOT NULL,
    PRIMARY KEY (layer_id, source, event_id)
) STRICT, WITHOUT ROWID;
