-- What changed, without values. The newest row of a workspace is never removed: the next number
-- follows from it.

CREATE TABLE feed (
    workspace           INTEGER NOT NULL,
    seq                 INTEGER NOT NULL,
    at                  INTEGER NOT NULL,
    root_kind           TEXT NOT NULL,
    root_id             BLOB NOT NULL,
    operation           TEXT NOT NULL,
    fields              TEXT NOT NULL,
    definitions_version INTEGER NOT NULL,
    PRIMARY KEY (workspace, seq)
) STRICT, WITHOUT ROWID;
