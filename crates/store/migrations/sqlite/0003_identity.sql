-- Identifier nodes, the edges between them, and where merged ids lead.

CREATE TABLE identifier (
    workspace  INTEGER NOT NULL,
    id         BLOB NOT NULL,
    kind       TEXT NOT NULL,
    value      TEXT NOT NULL,
    -- The account, person or company that the node belongs to at present.
    root       BLOB,
    -- Whether a fact of a server source named it.
    known      INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, kind, value)
) STRICT, WITHOUT ROWID;

CREATE INDEX identifier_by_root ON identifier (workspace, root) WHERE root IS NOT NULL;

CREATE TABLE edge (
    workspace  INTEGER NOT NULL,
    a          BLOB NOT NULL,
    b          BLOB NOT NULL,
    rule       TEXT NOT NULL,
    trust      TEXT NOT NULL,
    source     TEXT NOT NULL,
    message_id TEXT NOT NULL,
    at         INTEGER NOT NULL,
    active     INTEGER NOT NULL,
    PRIMARY KEY (workspace, a, b, rule, trust)
) STRICT, WITHOUT ROWID;

CREATE INDEX edge_backwards ON edge (workspace, b);

-- Always one step: what led to a merged id is led on when that id is merged in turn.
CREATE TABLE redirect (
    workspace INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    from_id   BLOB NOT NULL,
    to_id     BLOB NOT NULL,
    PRIMARY KEY (workspace, kind, from_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX redirect_by_target ON redirect (workspace, kind, to_id);
