-- Profiles as rows of a table proper. A row of a table without row ids that is longer than a quarter of
-- a page leaves most of itself on a page of its own, which every test of a value then had to read.

ALTER TABLE account RENAME TO account_before;
CREATE TABLE account (
    workspace  INTEGER NOT NULL,
    id         BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    fields     TEXT NOT NULL,
    provenance TEXT NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT;
INSERT INTO account SELECT * FROM account_before ORDER BY workspace, id;
DROP TABLE account_before;

ALTER TABLE person RENAME TO person_before;
CREATE TABLE person (
    workspace  INTEGER NOT NULL,
    id         BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    fields     TEXT NOT NULL,
    provenance TEXT NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT;
INSERT INTO person SELECT * FROM person_before ORDER BY workspace, id;
DROP TABLE person_before;

ALTER TABLE company RENAME TO company_before;
CREATE TABLE company (
    workspace  INTEGER NOT NULL,
    id         BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    fields     TEXT NOT NULL,
    provenance TEXT NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT;
INSERT INTO company SELECT * FROM company_before ORDER BY workspace, id;
DROP TABLE company_before;
