-- What sources said, keyed by the identifier node that delivered it.

CREATE TABLE dedup (
    workspace    BIGINT NOT NULL,
    source       TEXT COLLATE "C" NOT NULL,
    message_id   TEXT COLLATE "C" NOT NULL,
    payload_hash BYTEA NOT NULL,
    received_at  BIGINT NOT NULL,
    PRIMARY KEY (workspace, source, message_id)
);

CREATE INDEX dedup_by_age ON dedup (workspace, received_at);

CREATE TABLE event (
    workspace           BIGINT NOT NULL,
    node                BYTEA NOT NULL,
    at                  BIGINT NOT NULL,
    id                  BYTEA NOT NULL,
    name                TEXT COLLATE "C" NOT NULL,
    account_node        BYTEA,
    properties          JSONB NOT NULL,
    source              TEXT COLLATE "C" NOT NULL,
    message_id          TEXT COLLATE "C" NOT NULL,
    trust               TEXT COLLATE "C" NOT NULL,
    received_at         BIGINT NOT NULL,
    definitions_version BIGINT NOT NULL,
    PRIMARY KEY (workspace, node, at, id)
);

CREATE INDEX event_by_account ON event (workspace, account_node, at, id)
    WHERE account_node IS NOT NULL;

-- Every value that was ever said, the losing ones too. The account's node is empty except for facts
-- about a person's role in an account.
CREATE TABLE observation (
    workspace    BIGINT NOT NULL,
    node         BYTEA NOT NULL,
    account_node BYTEA NOT NULL,
    field        TEXT COLLATE "C" NOT NULL,
    source       TEXT COLLATE "C" NOT NULL,
    message_id   TEXT COLLATE "C" NOT NULL,
    trust        TEXT COLLATE "C" NOT NULL,
    observed_at  BIGINT NOT NULL,
    received_at  BIGINT NOT NULL,
    -- NULL deletes.
    value        JSONB,
    PRIMARY KEY (workspace, node, account_node, field, source, message_id)
);

CREATE TABLE membership (
    workspace     BIGINT NOT NULL,
    person_node   BYTEA NOT NULL,
    account_node  BYTEA NOT NULL,
    trust         TEXT COLLATE "C" NOT NULL,
    first_seen_at BIGINT NOT NULL,
    ended_at      BIGINT,
    PRIMARY KEY (workspace, person_node, account_node, trust)
);

CREATE INDEX membership_by_account ON membership (workspace, account_node);

-- The second wall: a statement that forgets the workspace finds nothing. 0 is the installation.
ALTER TABLE dedup ENABLE ROW LEVEL SECURITY;
ALTER TABLE dedup FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON dedup USING (workspace = kith_workspace());
ALTER TABLE event ENABLE ROW LEVEL SECURITY;
ALTER TABLE event FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON event USING (workspace = kith_workspace());
ALTER TABLE observation ENABLE ROW LEVEL SECURITY;
ALTER TABLE observation FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON observation USING (workspace = kith_workspace());
ALTER TABLE membership ENABLE ROW LEVEL SECURITY;
ALTER TABLE membership FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON membership USING (workspace = kith_workspace());
