-- Identifier nodes, the edges between them, and where merged ids lead.

CREATE TABLE identifier (
    workspace  BIGINT NOT NULL,
    id         BYTEA NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    value      TEXT COLLATE "C" NOT NULL,
    -- The account, person or company that the node belongs to at present.
    root       BYTEA,
    -- Whether a fact of a server source named it.
    known      BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, kind, value)
);

CREATE INDEX identifier_by_root ON identifier (workspace, root) WHERE root IS NOT NULL;

CREATE TABLE edge (
    workspace  BIGINT NOT NULL,
    a          BYTEA NOT NULL,
    b          BYTEA NOT NULL,
    rule       TEXT COLLATE "C" NOT NULL,
    trust      TEXT COLLATE "C" NOT NULL,
    source     TEXT COLLATE "C" NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    at         BIGINT NOT NULL,
    active     BIGINT NOT NULL,
    PRIMARY KEY (workspace, a, b, rule, trust)
);

CREATE INDEX edge_backwards ON edge (workspace, b);

-- Always one step: what led to a merged id is led on when that id is merged in turn.
CREATE TABLE redirect (
    workspace BIGINT NOT NULL,
    kind      TEXT COLLATE "C" NOT NULL,
    from_id   BYTEA NOT NULL,
    to_id     BYTEA NOT NULL,
    PRIMARY KEY (workspace, kind, from_id)
);

CREATE INDEX redirect_by_target ON redirect (workspace, kind, to_id);

-- The second wall: a statement that forgets the workspace finds nothing. 0 is the installation.
ALTER TABLE identifier ENABLE ROW LEVEL SECURITY;
ALTER TABLE identifier FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON identifier USING (workspace = kith_workspace());
ALTER TABLE edge ENABLE ROW LEVEL SECURITY;
ALTER TABLE edge FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON edge USING (workspace = kith_workspace());
ALTER TABLE redirect ENABLE ROW LEVEL SECURITY;
ALTER TABLE redirect FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON redirect USING (workspace = kith_workspace());
