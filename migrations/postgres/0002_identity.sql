-- One row: which ledger this is, and whose copy, where it is one that nobody has worked with yet.
CREATE TABLE identity (
  id text PRIMARY KEY DEFAULT gen_random_uuid()::text,
  copy_of text,
  -- False: a copy into it has begun and is not finished.
  is_complete boolean NOT NULL DEFAULT true
);

INSERT INTO identity DEFAULT VALUES;
