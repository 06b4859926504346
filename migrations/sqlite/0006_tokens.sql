-- Channel access tokens that were issued for Braze's Content Block: nothing of the tokens themselves.
CREATE TABLE tokens (
  channel TEXT NOT NULL,
  -- LINE's name for it, with which nothing can be done.
  key_id TEXT NOT NULL,
  issued_at INTEGER NOT NULL,
  ends_at INTEGER NOT NULL,
  -- When it was last seen to be what the block holds; null: never, as far as is known.
  written_at INTEGER,
  PRIMARY KEY (channel, key_id)
) STRICT;
