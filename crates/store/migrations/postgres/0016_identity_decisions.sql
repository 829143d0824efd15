-- What people decided about identity, and what waits for them to decide.

CREATE TABLE identity_decision (
    workspace  BIGINT NOT NULL,
    id         BYTEA NOT NULL,
    -- `merge`: both sides are one. `apart`: nothing joins the two sides.
    kind       TEXT COLLATE "C" NOT NULL,
    decided_by TEXT COLLATE "C" NOT NULL,
    at         BIGINT NOT NULL,
    undone_by  TEXT COLLATE "C",
    undone_at  BIGINT,
    PRIMARY KEY (workspace, id)
);

-- The identifiers that a decision is about. Kind and activity are those of the decision, so that
-- resolution finds them by the node alone.
CREATE TABLE identity_decision_node (
    workspace BIGINT NOT NULL,
    node      BYTEA NOT NULL,
    decision  BYTEA NOT NULL,
    side      BIGINT NOT NULL,
    kind      TEXT COLLATE "C" NOT NULL,
    active    BIGINT NOT NULL,
    PRIMARY KEY (workspace, node, decision)
);

CREATE INDEX identity_decision_node_by_decision ON identity_decision_node (workspace, decision);

CREATE TABLE review (
    workspace  BIGINT NOT NULL,
    id         BYTEA NOT NULL,
    -- `limit`, `size`, `rate` or `duplicate`.
    kind       TEXT COLLATE "C" NOT NULL,
    -- The identifiers that it is about; the second is empty where many edges wait together.
    a          BYTEA NOT NULL,
    b          BYTEA NOT NULL,
    source     TEXT COLLATE "C" NOT NULL,
    edges      BIGINT NOT NULL,
    score      BIGINT NOT NULL,
    reasons    JSONB NOT NULL,
    at         BIGINT NOT NULL,
    status     TEXT COLLATE "C" NOT NULL,
    decided_by TEXT COLLATE "C",
    decided_at BIGINT,
    PRIMARY KEY (workspace, id)
);

CREATE INDEX review_by_status ON review (workspace, status, id);
CREATE INDEX review_by_pair ON review (workspace, kind, a, b);

-- How many known people the facts of a source joined in an hour.
CREATE TABLE identity_joins (
    workspace BIGINT NOT NULL,
    source    TEXT COLLATE "C" NOT NULL,
    hour      BIGINT NOT NULL,
    joins     BIGINT NOT NULL,
    PRIMARY KEY (workspace, source, hour)
);

-- The review that an edge waits for; until then it joins nothing.
ALTER TABLE edge ADD COLUMN review BYTEA;
CREATE INDEX edge_by_review ON edge (workspace, review) WHERE review IS NOT NULL;

-- The strongest identifier that a merged root had: the id leads to where that one is, and comes back to
-- life where it is split off again.
ALTER TABLE redirect ADD COLUMN node BYTEA;
CREATE INDEX redirect_by_node ON redirect (workspace, node) WHERE node IS NOT NULL;

-- The second wall: a statement that forgets the workspace finds nothing. 0 is the installation.
ALTER TABLE identity_decision ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity_decision FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON identity_decision USING (workspace = kith_workspace());
ALTER TABLE identity_decision_node ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity_decision_node FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON identity_decision_node USING (workspace = kith_workspace());
ALTER TABLE review ENABLE ROW LEVEL SECURITY;
ALTER TABLE review FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON review USING (workspace = kith_workspace());
ALTER TABLE identity_joins ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity_joins FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON identity_joins USING (workspace = kith_workspace());
