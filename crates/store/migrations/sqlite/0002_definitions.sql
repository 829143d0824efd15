-- One immutable, numbered version after another.

CREATE TABLE definitions (
    workspace  INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    hash       TEXT NOT NULL,
    files      TEXT NOT NULL,
    author     TEXT NOT NULL,
    message    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, version)
) STRICT;
