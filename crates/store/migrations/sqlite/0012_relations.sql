-- The other roots of the account model, and which root belongs to which. Projections of the facts, which
-- can be built anew at any time.

CREATE TABLE subscription (
    workspace  INTEGER NOT NULL,
    id         BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    fields     TEXT NOT NULL,
    provenance TEXT NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT;

CREATE TABLE conversation (
    workspace  INTEGER NOT NULL,
    id         BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    fields     TEXT NOT NULL,
    provenance TEXT NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT;

CREATE TABLE site (
    workspace  INTEGER NOT NULL,
    id         BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    fields     TEXT NOT NULL,
    provenance TEXT NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT;

-- What a root's relation leads to: the identifier that was named, and its root at present. Both are NULL
-- once a fact ended it.
CREATE TABLE relation (
    workspace  INTEGER NOT NULL,
    from_id    BLOB NOT NULL,
    name       TEXT NOT NULL,
    to_node    BLOB,
    to_id      BLOB,
    provenance TEXT NOT NULL,
    PRIMARY KEY (workspace, from_id, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX relation_by_to ON relation (workspace, to_id, name, from_id) WHERE to_id IS NOT NULL;
