-- Who is there: workspaces, members, agents, and the keys that they hold.

CREATE TABLE workspace (
    id         BIGINT PRIMARY KEY,
    name       TEXT COLLATE "C" NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    hash_key   BYTEA NOT NULL
);

CREATE TABLE member (
    workspace  BIGINT NOT NULL,
    id         BYTEA NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, name)
);

-- Roles, teams, sites and regions of members.
CREATE TABLE member_attribute (
    workspace BIGINT NOT NULL,
    member    BYTEA NOT NULL,
    kind      TEXT COLLATE "C" NOT NULL,
    value     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, member, kind, value)
);

CREATE TABLE agent (
    workspace  BIGINT NOT NULL,
    id         BYTEA NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, name)
);

-- A key is found by its id alone, before its workspace is known.
CREATE TABLE key (
    workspace   BIGINT NOT NULL,
    id          BYTEA NOT NULL UNIQUE,
    label       TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    principal   BYTEA,
    source      TEXT COLLATE "C",
    scopes      JSONB NOT NULL,
    secret_hash BYTEA NOT NULL,
    created_at  BIGINT NOT NULL,
    revoked_at  BIGINT,
    PRIMARY KEY (workspace, id)
);

-- Secrets with which a customer's backend signs the identity of its end users.
CREATE TABLE secret (
    workspace  BIGINT NOT NULL,
    id         BYTEA NOT NULL,
    method     TEXT COLLATE "C" NOT NULL,
    kid        TEXT COLLATE "C",
    bytes      BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (workspace, id)
);

-- The workspace of the transaction; NULL before one is set, which no row equals.
CREATE FUNCTION kith_workspace() RETURNS BIGINT LANGUAGE sql STABLE AS
    $$ SELECT NULLIF(current_setting('kith.workspace', true), '')::bigint $$;

-- The second wall: a statement that forgets the workspace finds nothing. 0 is the installation.
ALTER TABLE workspace ENABLE ROW LEVEL SECURITY;
ALTER TABLE workspace FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON workspace USING (id = kith_workspace() OR kith_workspace() = 0);
ALTER TABLE member ENABLE ROW LEVEL SECURITY;
ALTER TABLE member FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON member USING (workspace = kith_workspace());
ALTER TABLE member_attribute ENABLE ROW LEVEL SECURITY;
ALTER TABLE member_attribute FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON member_attribute USING (workspace = kith_workspace());
ALTER TABLE agent ENABLE ROW LEVEL SECURITY;
ALTER TABLE agent FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON agent USING (workspace = kith_workspace());
ALTER TABLE key ENABLE ROW LEVEL SECURITY;
ALTER TABLE key FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON key USING (workspace = kith_workspace() OR kith_workspace() = 0);
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE secret FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON secret USING (workspace = kith_workspace());
