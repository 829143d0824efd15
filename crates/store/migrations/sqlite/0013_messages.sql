-- What was said in conversations, keyed by the conversation's identifier node.

CREATE TABLE message (
    workspace           INTEGER NOT NULL,
    node                BLOB NOT NULL,
    at                  INTEGER NOT NULL,
    id                  BLOB NOT NULL,
    -- Whether it is a note, which the conversation's other side does not read.
    is_note             INTEGER NOT NULL,
    -- `person`, `member`, `agent` or `system`.
    author              TEXT NOT NULL,
    -- The node of the person who wrote it, if it was one.
    author_node         BLOB,
    properties          TEXT NOT NULL,
    source              TEXT NOT NULL,
    message_id          TEXT NOT NULL,
    received_at         INTEGER NOT NULL,
    definitions_version INTEGER NOT NULL,
    PRIMARY KEY (workspace, node, at, id)
) STRICT, WITHOUT ROWID;

-- Erasing a person finds what they wrote.
CREATE INDEX message_by_author ON message (workspace, author_node) WHERE author_node IS NOT NULL;
