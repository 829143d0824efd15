-- The other roots of the account model, and which root belongs to which. Projections of the facts, which
-- can be built anew at any time.

CREATE TABLE subscription (
    workspace  BIGINT NOT NULL,
    id         BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    fields     JSONB NOT NULL,
    provenance JSONB NOT NULL,
    PRIMARY KEY (workspace, id)
);

CREATE TABLE conversation (
    workspace  BIGINT NOT NULL,
    id         BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    fields     JSONB NOT NULL,
    provenance JSONB NOT NULL,
    PRIMARY KEY (workspace, id)
);

CREATE TABLE site (
    workspace  BIGINT NOT NULL,
    id         BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    fields     JSONB NOT NULL,
    provenance JSONB NOT NULL,
    PRIMARY KEY (workspace, id)
);

-- What a root's relation leads to: the identifier that was named, and its root at present. Both are NULL
-- once a fact ended it.
CREATE TABLE relation (
    workspace  BIGINT NOT NULL,
    from_id    BYTEA NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    to_node    BYTEA,
    to_id      BYTEA,
    provenance JSONB NOT NULL,
    PRIMARY KEY (workspace, from_id, name)
);

CREATE INDEX relation_by_to ON relation (workspace, to_id, name, from_id) WHERE to_id IS NOT NULL;

-- The second wall: a statement that forgets the workspace finds nothing. 0 is the installation.
ALTER TABLE subscription ENABLE ROW LEVEL SECURITY;
ALTER TABLE subscription FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON subscription USING (workspace = kith_workspace());
ALTER TABLE conversation ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversation FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON conversation USING (workspace = kith_workspace());
ALTER TABLE site ENABLE ROW LEVEL SECURITY;
ALTER TABLE site FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON site USING (workspace = kith_workspace());
ALTER TABLE relation ENABLE ROW LEVEL SECURITY;
ALTER TABLE relation FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON relation USING (workspace = kith_workspace());
