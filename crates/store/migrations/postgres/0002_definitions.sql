-- One immutable, numbered version after another.

CREATE TABLE definitions (
    workspace  BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    hash       TEXT COLLATE "C" NOT NULL,
    files      JSONB NOT NULL,
    author     TEXT COLLATE "C" NOT NULL,
    message    TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace, version)
);

-- The second wall: a statement that forgets the workspace finds nothing. 0 is the installation.
ALTER TABLE definitions ENABLE ROW LEVEL SECURITY;
ALTER TABLE definitions FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON definitions USING (workspace = kith_workspace());
