-- Who saw or changed which fields of whom. In `kith.db` the entries of changes, which ride in the
-- change's own transaction; in `audit.db` those of reads.

CREATE TABLE audit (
    workspace           INTEGER NOT NULL,
    stream              TEXT NOT NULL,
    seq                 INTEGER NOT NULL,
    id                  BLOB NOT NULL,
    at                  INTEGER NOT NULL,
    leaf                BLOB NOT NULL,
    actor               TEXT NOT NULL,
    credential          TEXT NOT NULL,
    on_behalf_of        TEXT,
    purpose             TEXT NOT NULL,
    action              TEXT NOT NULL,
    verdict             TEXT NOT NULL,
    account             BLOB,
    person              BLOB,
    lookup_hash         BLOB,
    field_set           BLOB NOT NULL,
    statements          TEXT NOT NULL,
    definitions_version INTEGER NOT NULL,
    definitions_hash    TEXT NOT NULL,
    position            INTEGER NOT NULL,
    PRIMARY KEY (workspace, stream, seq)
) STRICT;

CREATE INDEX audit_by_time ON audit (workspace, at, id);
CREATE INDEX audit_by_account ON audit (workspace, account, at, id) WHERE account IS NOT NULL;
CREATE INDEX audit_by_person ON audit (workspace, person, at, id) WHERE person IS NOT NULL;

-- Sets of field names, kept once. A set belongs to a stream, so that streams never wait for each
-- other.
CREATE TABLE field_set (
    workspace INTEGER NOT NULL,
    stream    TEXT NOT NULL,
    hash      BLOB NOT NULL,
    names     TEXT NOT NULL,
    PRIMARY KEY (workspace, stream, hash)
) STRICT, WITHOUT ROWID;
