-- Channel access tokens that were issued for Braze's Content Block: nothing of the tokens themselves.
CREATE TABLE tokens (
  channel text COLLATE "C" NOT NULL,
  -- LINE's name for it, with which nothing can be done.
  key_id text COLLATE "C" NOT NULL,
  issued_at bigint NOT NULL,
  ends_at bigint NOT NULL,
  -- When it was last seen to be what the block holds; null: never, as far as is known.
  written_at bigint,
  PRIMARY KEY (channel, key_id)
);
