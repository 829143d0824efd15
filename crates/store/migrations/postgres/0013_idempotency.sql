-- What became of writes that came with a key, so that a repeat is answered alike: ids and outcomes, no
-- bodies. Keys and requests are keyed hashes; rows go after a day.

CREATE TABLE idempotency (
    workspace BIGINT NOT NULL,
    key_hash  BYTEA NOT NULL,
    request   BYTEA NOT NULL,
    audit     BYTEA NOT NULL,
    answer    JSONB NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (workspace, key_hash)
);

CREATE INDEX idempotency_by_time ON idempotency (workspace, at);

-- The second wall: a statement that forgets the workspace finds nothing. 0 is the installation.
ALTER TABLE idempotency ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON idempotency USING (workspace = kith_workspace());
