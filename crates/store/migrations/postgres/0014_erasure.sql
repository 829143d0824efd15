-- Who was erased, and what keeps them from coming back. Neither says who they were: ids are random, and
-- identifiers are keyed hashes.

CREATE TABLE suppressed_identifier (
    workspace BIGINT NOT NULL,
    hash      BYTEA NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (workspace, hash)
);

-- An erasure is swept when nothing of it is left in dead rows either.
CREATE TABLE erasure (
    workspace BIGINT NOT NULL,
    person    BYTEA NOT NULL,
    at        BIGINT NOT NULL,
    is_swept  BIGINT NOT NULL,
    PRIMARY KEY (workspace, person)
);

CREATE INDEX quarantine_identifier_by_message ON quarantine_identifier (workspace, quarantine);

ALTER TABLE suppressed_identifier ENABLE ROW LEVEL SECURITY;
ALTER TABLE suppressed_identifier FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON suppressed_identifier USING (workspace = kith_workspace());
ALTER TABLE erasure ENABLE ROW LEVEL SECURITY;
ALTER TABLE erasure FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON erasure USING (workspace = kith_workspace());
