-- What the contract refused, with its original bytes, and the identifiers by which erasure finds it.

CREATE TABLE quarantine (
    workspace           BIGINT NOT NULL,
    id                  BYTEA NOT NULL,
    source              TEXT COLLATE "C" NOT NULL,
    received_at         BIGINT NOT NULL,
    message_id          TEXT COLLATE "C",
    path                TEXT COLLATE "C" NOT NULL,
    code                TEXT COLLATE "C" NOT NULL,
    detail              TEXT COLLATE "C" NOT NULL,
    definitions_version BIGINT NOT NULL,
    original            BYTEA NOT NULL,
    status              TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, id)
);

CREATE INDEX quarantine_by_status ON quarantine (workspace, status, id);

CREATE TABLE quarantine_identifier (
    workspace  BIGINT NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    value      TEXT COLLATE "C" NOT NULL,
    quarantine BYTEA NOT NULL,
    PRIMARY KEY (workspace, kind, value, quarantine)
);

-- The second wall: a statement that forgets the workspace finds nothing. 0 is the installation.
ALTER TABLE quarantine ENABLE ROW LEVEL SECURITY;
ALTER TABLE quarantine FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON quarantine USING (workspace = kith_workspace());
ALTER TABLE quarantine_identifier ENABLE ROW LEVEL SECURITY;
ALTER TABLE quarantine_identifier FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON quarantine_identifier USING (workspace = kith_workspace());
