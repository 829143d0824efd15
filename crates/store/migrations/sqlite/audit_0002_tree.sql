-- Of `audit.db` alone. The one tree of each workspace's audit log: its leaves are the entries of all
-- streams, those in `kith.db` among them, in the order in which they were folded.
CREATE TABLE audit_tree (
    workspace INTEGER NOT NULL,
    idx       INTEGER NOT NULL,
    stream    TEXT NOT NULL,
    seq       INTEGER NOT NULL,
    leaf_hash BLOB NOT NULL,
    PRIMARY KEY (workspace, idx)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX audit_tree_by_place ON audit_tree (workspace, stream, seq);

-- Hashes over 256^level leaves each, from level 1 on: what tiles above the leaves are made of.
CREATE TABLE audit_subtree (
    workspace INTEGER NOT NULL,
    level     INTEGER NOT NULL,
    idx       INTEGER NOT NULL,
    hash      BLOB NOT NULL,
    PRIMARY KEY (workspace, level, idx)
) STRICT, WITHOUT ROWID;

-- What the log last said of itself, signed.
CREATE TABLE audit_checkpoint (
    workspace INTEGER PRIMARY KEY,
    size      INTEGER NOT NULL,
    note      TEXT NOT NULL,
    at        INTEGER NOT NULL
) STRICT;
