-- What changed, without values. The newest row of a workspace is never removed: the next number
-- follows from it.

CREATE TABLE feed (
    workspace           BIGINT NOT NULL,
    seq                 BIGINT NOT NULL,
    -- The transaction that wrote it: consumers stay below the oldest one that still runs.
    xid                 XID8 NOT NULL DEFAULT pg_current_xact_id(),
    at                  BIGINT NOT NULL,
    root_kind           TEXT COLLATE "C" NOT NULL,
    root_id             BYTEA NOT NULL,
    operation           TEXT COLLATE "C" NOT NULL,
    fields              JSONB NOT NULL,
    definitions_version BIGINT NOT NULL,
    PRIMARY KEY (workspace, seq)
);

-- The second wall: a statement that forgets the workspace finds nothing. 0 is the installation.
ALTER TABLE feed ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON feed USING (workspace = kith_workspace());
