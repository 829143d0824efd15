-- What was said in conversations, keyed by the conversation's identifier node.

CREATE TABLE message (
    workspace           BIGINT NOT NULL,
    node                BYTEA NOT NULL,
    at                  BIGINT NOT NULL,
    id                  BYTEA NOT NULL,
    -- Whether it is a note, which the conversation's other side does not read.
    is_note             BIGINT NOT NULL,
    -- `person`, `member`, `agent` or `system`.
    author              TEXT COLLATE "C" NOT NULL,
    -- The node of the person who wrote it, if it was one.
    author_node         BYTEA,
    properties          JSONB NOT NULL,
    source              TEXT COLLATE "C" NOT NULL,
    message_id          TEXT COLLATE "C" NOT NULL,
    received_at         BIGINT NOT NULL,
    definitions_version BIGINT NOT NULL,
    PRIMARY KEY (workspace, node, at, id)
);

-- Erasing a person finds what they wrote.
CREATE INDEX message_by_author ON message (workspace, author_node) WHERE author_node IS NOT NULL;

-- The second wall: a statement that forgets the workspace finds nothing. 0 is the installation.
ALTER TABLE message ENABLE ROW LEVEL SECURITY;
ALTER TABLE message FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON message USING (workspace = kith_workspace());
