-- Systems that call out when something changes there. Their secrets are sealed under a key that is not in
-- the store; `config` says where their parts go in the catalog, and holds nothing secret.

CREATE TABLE source (
    workspace        INTEGER NOT NULL,
    id               BLOB NOT NULL,
    name             TEXT NOT NULL,
    kind             TEXT NOT NULL,
    config           TEXT NOT NULL,
    sealed           BLOB NOT NULL,
    paused           INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    last_delivery_at INTEGER,
    last_error_at    INTEGER,
    last_error       TEXT,
    received         INTEGER NOT NULL,
    kept             INTEGER NOT NULL,
    refused          INTEGER NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX source_by_name ON source (workspace, name);
-- A delivery names its source and no workspace.
CREATE UNIQUE INDEX source_by_id ON source (id);
