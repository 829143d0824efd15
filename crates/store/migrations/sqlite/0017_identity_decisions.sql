-- What people decided about identity, and what waits for them to decide.

CREATE TABLE identity_decision (
    workspace  INTEGER NOT NULL,
    id         BLOB NOT NULL,
    -- `merge`: both sides are one. `apart`: nothing joins the two sides.
    kind       TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    at         INTEGER NOT NULL,
    undone_by  TEXT,
    undone_at  INTEGER,
    PRIMARY KEY (workspace, id)
) STRICT, WITHOUT ROWID;

-- The identifiers that a decision is about. Kind and activity are those of the decision, so that
-- resolution finds them by the node alone.
CREATE TABLE identity_decision_node (
    workspace INTEGER NOT NULL,
    node      BLOB NOT NULL,
    decision  BLOB NOT NULL,
    side      INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    active    INTEGER NOT NULL,
    PRIMARY KEY (workspace, node, decision)
) STRICT, WITHOUT ROWID;

CREATE INDEX identity_decision_node_by_decision ON identity_decision_node (workspace, decision);

CREATE TABLE review (
    workspace  INTEGER NOT NULL,
    id         BLOB NOT NULL,
    -- `limit`, `size`, `rate` or `duplicate`.
    kind       TEXT NOT NULL,
    -- The identifiers that it is about; the second is empty where many edges wait together.
    a          BLOB NOT NULL,
    b          BLOB NOT NULL,
    source     TEXT NOT NULL,
    edges      INTEGER NOT NULL,
    score      INTEGER NOT NULL,
    reasons    TEXT NOT NULL,
    at         INTEGER NOT NULL,
    status     TEXT NOT NULL,
    decided_by TEXT,
    decided_at INTEGER,
    PRIMARY KEY (workspace, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX review_by_status ON review (workspace, status, id);
CREATE INDEX review_by_pair ON review (workspace, kind, a, b);

-- How many known people the facts of a source joined in an hour.
CREATE TABLE identity_joins (
    workspace INTEGER NOT NULL,
    source    TEXT NOT NULL,
    hour      INTEGER NOT NULL,
    joins     INTEGER NOT NULL,
    PRIMARY KEY (workspace, source, hour)
) STRICT, WITHOUT ROWID;

-- The review that an edge waits for; until then it joins nothing.
ALTER TABLE edge ADD COLUMN review BLOB;
CREATE INDEX edge_by_review ON edge (workspace, review) WHERE review IS NOT NULL;

-- The strongest identifier that a merged root had: the id leads to where that one is, and comes back to
-- life where it is split off again.
ALTER TABLE redirect ADD COLUMN node BLOB;
CREATE INDEX redirect_by_node ON redirect (workspace, node) WHERE node IS NOT NULL;
