-- The definitions version under which an identifier was last made a value of the field that shows
-- its type. Older ones are shown anew when a fact next names them.

ALTER TABLE identifier ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;
