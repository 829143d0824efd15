-- What became of writes that came with a key, so that a repeat is answered alike: ids and outcomes, no
-- bodies. Keys and requests are keyed hashes; rows go after a day.

CREATE TABLE idempotency (
    workspace INTEGER NOT NULL,
    key_hash  BLOB NOT NULL,
    request   BLOB NOT NULL,
    audit     BLOB NOT NULL,
    answer    TEXT NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (workspace, key_hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_by_time ON idempotency (workspace, at);
