-- Systems that call out when something changes there. Their secrets are sealed under a key that is not in
-- the store; `config` says where their parts go in the catalog, and holds nothing secret.

CREATE TABLE source (
    workspace        BIGINT NOT NULL,
    -- A delivery names its source and no workspace.
    id               BYTEA NOT NULL UNIQUE,
    name             TEXT COLLATE "C" NOT NULL,
    kind             TEXT COLLATE "C" NOT NULL,
    config           JSONB NOT NULL,
    sealed           BYTEA NOT NULL,
    paused           BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    last_delivery_at BIGINT,
    last_error_at    BIGINT,
    last_error       TEXT COLLATE "C",
    received         BIGINT NOT NULL,
    kept             BIGINT NOT NULL,
    refused          BIGINT NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, name)
);

-- The second wall: a statement that forgets the workspace finds nothing. 0 is the installation.
ALTER TABLE source ENABLE ROW LEVEL SECURITY;
ALTER TABLE source FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON source USING (workspace = kith_workspace() OR kith_workspace() = 0);
