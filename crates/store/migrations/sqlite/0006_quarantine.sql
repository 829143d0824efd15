-- What the contract refused, with its original bytes, and the identifiers by which erasure finds it.

CREATE TABLE quarantine (
    workspace           INTEGER NOT NULL,
    id                  BLOB NOT NULL,
    source              TEXT NOT NULL,
    received_at         INTEGER NOT NULL,
    message_id          TEXT,
    path                TEXT NOT NULL,
    code                TEXT NOT NULL,
    detail              TEXT NOT NULL,
    definitions_version INTEGER NOT NULL,
    original            BLOB NOT NULL,
    status              TEXT NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT;

CREATE INDEX quarantine_by_status ON quarantine (workspace, status, id);

CREATE TABLE quarantine_identifier (
    workspace  INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    value      TEXT NOT NULL,
    quarantine BLOB NOT NULL,
    PRIMARY KEY (workspace, kind, value, quarantine)
) STRICT, WITHOUT ROWID;
