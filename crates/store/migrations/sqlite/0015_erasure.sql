-- Who was erased, and what keeps them from coming back. Neither says who they were: ids are random, and
-- identifiers are keyed hashes.

CREATE TABLE suppressed_identifier (
    workspace INTEGER NOT NULL,
    hash      BLOB NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (workspace, hash)
) STRICT, WITHOUT ROWID;

-- An erasure is swept when nothing of it is left in free space or in the write-ahead log either.
CREATE TABLE erasure (
    workspace INTEGER NOT NULL,
    person    BLOB NOT NULL,
    at        INTEGER NOT NULL,
    is_swept  INTEGER NOT NULL,
    PRIMARY KEY (workspace, person)
) STRICT, WITHOUT ROWID;

CREATE INDEX quarantine_identifier_by_message ON quarantine_identifier (workspace, quarantine);
