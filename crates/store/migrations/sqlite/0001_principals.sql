-- Who is there: workspaces, members, agents, and the keys that they hold.

CREATE TABLE workspace (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    hash_key   BLOB NOT NULL
) STRICT;

CREATE TABLE member (
    workspace  INTEGER NOT NULL,
    id         BLOB NOT NULL,
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, name)
) STRICT, WITHOUT ROWID;

-- Roles, teams, sites and regions of members.
CREATE TABLE member_attribute (
    workspace INTEGER NOT NULL,
    member    BLOB NOT NULL,
    kind      TEXT NOT NULL,
    value     TEXT NOT NULL,
    PRIMARY KEY (workspace, member, kind, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE agent (
    workspace  INTEGER NOT NULL,
    id         BLOB NOT NULL,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, name)
) STRICT, WITHOUT ROWID;

-- A key is found by its id alone, before its workspace is known.
CREATE TABLE key (
    workspace   INTEGER NOT NULL,
    id          BLOB NOT NULL UNIQUE,
    label       TEXT NOT NULL,
    kind        TEXT NOT NULL,
    principal   BLOB,
    source      TEXT,
    scopes      TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    created_at  INTEGER NOT NULL,
    revoked_at  INTEGER,
    PRIMARY KEY (workspace, id)
) STRICT, WITHOUT ROWID;

-- Secrets with which a customer's backend signs the identity of its end users.
CREATE TABLE secret (
    workspace  INTEGER NOT NULL,
    id         BLOB NOT NULL,
    method     TEXT NOT NULL,
    kid        TEXT,
    bytes      BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    PRIMARY KEY (workspace, id)
) STRICT, WITHOUT ROWID;
