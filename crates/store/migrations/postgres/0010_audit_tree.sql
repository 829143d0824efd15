-- The one tree of each workspace's audit log: its leaves are the entries of all streams, in the order
-- in which they were folded.
CREATE TABLE audit_tree (
    workspace BIGINT NOT NULL,
    idx       BIGINT NOT NULL,
    stream    TEXT COLLATE "C" NOT NULL,
    seq       BIGINT NOT NULL,
    leaf_hash BYTEA NOT NULL,
    PRIMARY KEY (workspace, idx)
);

CREATE UNIQUE INDEX audit_tree_by_place ON audit_tree (workspace, stream, seq);

-- Hashes over 256^level leaves each, from level 1 on: what tiles above the leaves are made of.
CREATE TABLE audit_subtree (
    workspace BIGINT NOT NULL,
    level     BIGINT NOT NULL,
    idx       BIGINT NOT NULL,
    hash      BYTEA NOT NULL,
    PRIMARY KEY (workspace, level, idx)
);

-- What the log last said of itself, signed.
CREATE TABLE audit_checkpoint (
    workspace BIGINT PRIMARY KEY,
    size      BIGINT NOT NULL,
    note      TEXT COLLATE "C" NOT NULL,
    at        BIGINT NOT NULL
);

-- What checkpoints are signed with, where no file has it.
CREATE TABLE audit_key (
    id   BIGINT PRIMARY KEY,
    seed BYTEA NOT NULL
);

ALTER TABLE audit_tree ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_tree FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON audit_tree USING (workspace = kith_workspace());
ALTER TABLE audit_subtree ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_subtree FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON audit_subtree USING (workspace = kith_workspace());
ALTER TABLE audit_checkpoint ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_checkpoint FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON audit_checkpoint USING (workspace = kith_workspace());
ALTER TABLE audit_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_key FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON audit_key USING (kith_workspace() = 0);
