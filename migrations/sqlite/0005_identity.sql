-- One row: which ledger this is, and whose copy, where it is one that nobody has worked with yet.
CREATE TABLE identity (
  id TEXT PRIMARY KEY,
  copy_of TEXT,
  -- 0: a copy into it has begun and is not finished.
  is_complete INTEGER NOT NULL DEFAULT 1
) STRICT;

INSERT INTO identity (id) VALUES (lower(hex(randomblob(16))));
