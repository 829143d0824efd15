-- Who saw or changed which fields of whom. Entries of changes ride in the change's own transaction.

CREATE TABLE audit (
    workspace           BIGINT NOT NULL,
    stream              TEXT COLLATE "C" NOT NULL,
    seq                 BIGINT NOT NULL,
    id                  BYTEA NOT NULL,
    at                  BIGINT NOT NULL,
    leaf                BYTEA NOT NULL,
    actor               TEXT COLLATE "C" NOT NULL,
    credential          TEXT COLLATE "C" NOT NULL,
    on_behalf_of        TEXT COLLATE "C",
    purpose             TEXT COLLATE "C" NOT NULL,
    action              TEXT COLLATE "C" NOT NULL,
    verdict             TEXT COLLATE "C" NOT NULL,
    account             BYTEA,
    person              BYTEA,
    lookup_hash         BYTEA,
    field_set           BYTEA NOT NULL,
    statements          JSONB NOT NULL,
    definitions_version BIGINT NOT NULL,
    definitions_hash    TEXT COLLATE "C" NOT NULL,
    position            BIGINT NOT NULL,
    PRIMARY KEY (workspace, stream, seq)
);

CREATE INDEX audit_by_time ON audit (workspace, at, id);
CREATE INDEX audit_by_account ON audit (workspace, account, at, id) WHERE account IS NOT NULL;
CREATE INDEX audit_by_person ON audit (workspace, person, at, id) WHERE person IS NOT NULL;

-- Sets of field names, kept once. A set belongs to a stream, so that streams never wait for each
-- other.
CREATE TABLE field_set (
    workspace BIGINT NOT NULL,
    stream    TEXT COLLATE "C" NOT NULL,
    hash      BYTEA NOT NULL,
    names     JSONB NOT NULL,
    PRIMARY KEY (workspace, stream, hash)
);

-- The second wall: a statement that forgets the workspace finds nothing. 0 is the installation.
ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON audit USING (workspace = kith_workspace() OR kith_workspace() = 0);
ALTER TABLE field_set ENABLE ROW LEVEL SECURITY;
ALTER TABLE field_set FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON field_set USING (workspace = kith_workspace() OR kith_workspace() = 0);
