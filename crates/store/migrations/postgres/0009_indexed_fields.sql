-- The fields of which `field_index` holds the value of every account, and goes on to.

CREATE TABLE indexed_field (
    workspace BIGINT NOT NULL,
    field     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, field)
);

-- The second wall: a statement that forgets the workspace finds nothing. 0 is the installation.
ALTER TABLE indexed_field ENABLE ROW LEVEL SECURITY;
ALTER TABLE indexed_field FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON indexed_field USING (workspace = kith_workspace());
