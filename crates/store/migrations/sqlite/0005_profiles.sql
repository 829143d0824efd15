-- Projections of the facts, which can be built anew at any time.

CREATE TABLE account (
    workspace  INTEGER NOT NULL,
    id         BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    fields     TEXT NOT NULL,
    provenance TEXT NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE person (
    workspace  INTEGER NOT NULL,
    id         BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    fields     TEXT NOT NULL,
    provenance TEXT NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE company (
    workspace  INTEGER NOT NULL,
    id         BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    fields     TEXT NOT NULL,
    provenance TEXT NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE role (
    workspace    INTEGER NOT NULL,
    account      BLOB NOT NULL,
    person       BLOB NOT NULL,
    -- NULL if no server source ever granted it.
    active_since INTEGER,
    fields       TEXT NOT NULL,
    provenance   TEXT NOT NULL,
    PRIMARY KEY (workspace, account, person)
) STRICT, WITHOUT ROWID;

CREATE INDEX role_by_person ON role (workspace, person, account);

-- The values of filterable fields, in a form whose bytes sort as the values do.
CREATE TABLE field_index (
    workspace INTEGER NOT NULL,
    field     TEXT NOT NULL,
    value     BLOB NOT NULL,
    id        BLOB NOT NULL,
    PRIMARY KEY (workspace, field, value, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX field_index_by_id ON field_index (workspace, id, field);
