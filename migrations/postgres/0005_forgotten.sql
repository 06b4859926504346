-- Who asked to be forgotten. While they are being cleared it is known who they are; afterwards a keyed hash says whose news is
-- ignored, for as long as the operator wants.
CREATE TABLE forgotten (
  -- The receipt.
  id text PRIMARY KEY,
  channel text COLLATE "C" NOT NULL,
  -- SHA-256 of the key, the channel, a line break and the user id. All rows have the same key, and the last one takes it along.
  hash text COLLATE "C" NOT NULL UNIQUE,
  key text NOT NULL,
  -- NULL once they are erased; and the external ids of the customers that they were, as JSON.
  user_id text COLLATE "C",
  external_ids text,
  -- A follow event that is newer lets them back in; and when they have blocked the account since, as far as was heard.
  forgotten_at bigint NOT NULL,
  gone_at bigint NOT NULL DEFAULT 0,
  -- For how long the hash stays after they were erased, and until when.
  life_ms bigint NOT NULL,
  ends_at bigint,
  -- Whether the alias profile is to be deleted at Braze, and what became of it: deleted, kept, none.
  deletes_profile boolean NOT NULL,
  profile text,
  -- clearing, deleting (Braze was asked to), done
  state text NOT NULL,
  due_at bigint NOT NULL,
  tries integer NOT NULL DEFAULT 0,
  -- What a person has to mend first.
  problem text
);

CREATE INDEX forgotten_open ON forgotten (due_at) WHERE state <> 'done';

-- By whom what is good for one link was used.
CREATE INDEX nonces_used ON nonces (user_id) WHERE user_id IS NOT NULL;
