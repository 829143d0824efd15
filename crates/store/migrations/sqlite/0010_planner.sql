-- SQLite guesses that a workspace has ten rows. With statistics of a large one it goes by the columns
-- that tell rows apart, whatever a database holds when it is opened.
ANALYZE;
DELETE FROM sqlite_stat1
WHERE tbl IN ('identifier', 'edge', 'membership', 'role');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('identifier', 'identifier', '1000000 1000000 1'),
    ('identifier', 'sqlite_autoindex_identifier_2', '1000000 1000000 200000 1'),
    ('identifier', 'identifier_by_root', '1000000 1000000 3'),
    ('edge', 'edge', '1000000 1000000 3 1 1 1'),
    ('edge', 'edge_backwards', '1000000 1000000 3'),
    ('membership', 'membership', '1000000 1000000 2 1 1'),
    ('membership', 'membership_by_account', '1000000 1000000 20'),
    ('role', 'role', '1000000 1000000 20 1'),
    ('role', 'role_by_person', '1000000 1000000 2 1');
ANALYZE sqlite_schema;
