-- What sources said, keyed by the identifier node that delivered it.

CREATE TABLE dedup (
    workspace    INTEGER NOT NULL,
    source       TEXT NOT NULL,
    message_id   TEXT NOT NULL,
    payload_hash BLOB NOT NULL,
    received_at  INTEGER NOT NULL,
    PRIMARY KEY (workspace, source, message_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX dedup_by_age ON dedup (workspace, received_at);

CREATE TABLE event (
    workspace           INTEGER NOT NULL,
    node                BLOB NOT NULL,
    at                  INTEGER NOT NULL,
    id                  BLOB NOT NULL,
    name                TEXT NOT NULL,
    account_node        BLOB,
    properties          TEXT NOT NULL,
    source              TEXT NOT NULL,
    message_id          TEXT NOT NULL,
    trust               TEXT NOT NULL,
    received_at         INTEGER NOT NULL,
    definitions_version INTEGER NOT NULL,
    PRIMARY KEY (workspace, node, at, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_by_account ON event (workspace, account_node, at, id)
    WHERE account_node IS NOT NULL;

-- Every value that was ever said, the losing ones too. The account's node is empty except for facts
-- about a person's role in an account.
CREATE TABLE observation (
    workspace    INTEGER NOT NULL,
    node         BLOB NOT NULL,
    account_node BLOB NOT NULL,
    field        TEXT NOT NULL,
    source       TEXT NOT NULL,
    message_id   TEXT NOT NULL,
    trust        TEXT NOT NULL,
    observed_at  INTEGER NOT NULL,
    received_at  INTEGER NOT NULL,
    -- NULL deletes.
    value        TEXT,
    PRIMARY KEY (workspace, node, account_node, field, source, message_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE membership (
    workspace     INTEGER NOT NULL,
    person_node   BLOB NOT NULL,
    account_node  BLOB NOT NULL,
    trust         TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    ended_at      INTEGER,
    PRIMARY KEY (workspace, person_node, account_node, trust)
) STRICT, WITHOUT ROWID;

CREATE INDEX membership_by_account ON membership (workspace, account_node);
