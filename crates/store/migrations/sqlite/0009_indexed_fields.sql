-- The fields of which `field_index` holds the value of every account, and goes on to.

CREATE TABLE indexed_field (
    workspace INTEGER NOT NULL,
    field     TEXT NOT NULL,
    PRIMARY KEY (workspace, field)
) STRICT, WITHOUT ROWID;
