-- Projections of the facts, which can be built anew at any time.

CREATE TABLE account (
    workspace  BIGINT NOT NULL,
    id         BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    fields     JSONB NOT NULL,
    provenance JSONB NOT NULL,
    PRIMARY KEY (workspace, id)
);

CREATE TABLE person (
    workspace  BIGINT NOT NULL,
    id         BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    fields     JSONB NOT NULL,
    provenance JSONB NOT NULL,
    PRIMARY KEY (workspace, id)
);

CREATE TABLE company (
    workspace  BIGINT NOT NULL,
    id         BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    fields     JSONB NOT NULL,
    provenance JSONB NOT NULL,
    PRIMARY KEY (workspace, id)
);

CREATE TABLE role (
    workspace    BIGINT NOT NULL,
    account      BYTEA NOT NULL,
    person       BYTEA NOT NULL,
    -- NULL if no server source ever granted it.
    active_since BIGINT,
    fields       JSONB NOT NULL,
    provenance   JSONB NOT NULL,
    PRIMARY KEY (workspace, account, person)
);

CREATE INDEX role_by_person ON role (workspace, person, account);

-- The values of filterable fields, in a form whose bytes sort as the values do.
CREATE TABLE field_index (
    workspace BIGINT NOT NULL,
    field     TEXT COLLATE "C" NOT NULL,
    value     BYTEA NOT NULL,
    id        BYTEA NOT NULL,
    PRIMARY KEY (workspace, field, value, id)
);

CREATE INDEX field_index_by_id ON field_index (workspace, id, field);

-- The second wall: a statement that forgets the workspace finds nothing. 0 is the installation.
ALTER TABLE account ENABLE ROW LEVEL SECURITY;
ALTER TABLE account FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON account USING (workspace = kith_workspace());
ALTER TABLE person ENABLE ROW LEVEL SECURITY;
ALTER TABLE person FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON person USING (workspace = kith_workspace());
ALTER TABLE company ENABLE ROW LEVEL SECURITY;
ALTER TABLE company FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON company USING (workspace = kith_workspace());
ALTER TABLE role ENABLE ROW LEVEL SECURITY;
ALTER TABLE role FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON role USING (workspace = kith_workspace());
ALTER TABLE field_index ENABLE ROW LEVEL SECURITY;
ALTER TABLE field_index FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON field_index USING (workspace = kith_workspace());
