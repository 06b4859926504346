-- Moments are milliseconds since 1970 by the database's clock, 0: never, except those of evidence, which LINE dates.
-- Keys compare by code points (COLLATE "C"), whatever the database's own order is: all writers lock rows in that order.

-- A contact is three moments, a link, and how far Braze has been told of its alias profile.
CREATE TABLE contacts (
  channel text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL,
  friend_at bigint NOT NULL,
  messaged_at bigint NOT NULL,
  gone_at bigint NOT NULL,
  -- Raised when what the alias profile should hold changes, and the newest revision that Braze has accepted.
  revision integer NOT NULL,
  accepted integer NOT NULL,
  -- Since when it has been pending without a break.
  changed_at bigint NOT NULL,
  -- The next write to Braze must not leave earlier.
  due_at bigint NOT NULL,
  -- Until when it waits, since the customer is being looked up: due_at is then this moment.
  check_until bigint,
  -- Why Braze refused the newest revision; cleared when the profile changes.
  failure text,
  -- The run that made it due for the last time; NULL where it was a webhook.
  run bigint,
  -- Which customer the contact is, and since when. No external id and a moment: nobody's any more.
  external_id text COLLATE "C",
  linked_at bigint NOT NULL DEFAULT 0,
  -- The external id whose profile should have the contact's user id, by the link that counts, and the one whose profile may
  -- have it now; NULL: the alias profile. Where the two differ it is on the move.
  target text COLLATE "C",
  customer text COLLATE "C",
  -- The term of the delivery lease in which it was made: who delivered in an earlier one cannot have sent anything for it.
  term integer NOT NULL,
  -- As what it was counted before its last change, 0: it was not there. For the statement that changes it.
  was smallint NOT NULL,
  PRIMARY KEY (channel, user_id)
);

-- News from webhooks goes to Braze before what runs brought.
CREATE INDEX contacts_news ON contacts (due_at)
  WHERE revision <> accepted AND failure IS NULL AND run IS NULL;
CREATE INDEX contacts_bulk ON contacts (due_at)
  WHERE revision <> accepted AND failure IS NULL AND run IS NOT NULL;
CREATE INDEX contacts_failed ON contacts (run) WHERE failure IS NOT NULL;
-- Nobody who is not linked is in these.
CREATE INDEX contacts_linked ON contacts (channel, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX contacts_placed ON contacts (channel, customer, linked_at, user_id) WHERE customer IS NOT NULL;
-- Whose last message may be too old to write to them.
CREATE INDEX contacts_messagers ON contacts (messaged_at) WHERE friend_at <= gone_at AND messaged_at > gone_at;

-- A customer's profile in Braze, as far as one channel is concerned.
CREATE TABLE customers (
  channel text COLLATE "C" NOT NULL,
  external_id text COLLATE "C" NOT NULL,
  -- Braze has the customer, or is believed to: links to it count.
  is_known boolean NOT NULL DEFAULT false,
  -- When Braze is to be asked for it (again), whether before those that only runs linked, and how often it was in vain.
  check_at bigint,
  is_urgent boolean NOT NULL DEFAULT false,
  tries integer NOT NULL DEFAULT 0,
  -- The user id that the profile should hold.
  holder text COLLATE "C",
  -- As in contacts.
  revision integer NOT NULL DEFAULT 0,
  accepted integer NOT NULL DEFAULT 0,
  changed_at bigint NOT NULL DEFAULT 0,
  due_at bigint NOT NULL DEFAULT 0,
  failure text,
  run bigint,
  term integer NOT NULL,
  was smallint NOT NULL DEFAULT 0,
  PRIMARY KEY (channel, external_id)
);

CREATE INDEX customers_news ON customers (due_at)
  WHERE revision <> accepted AND failure IS NULL AND run IS NULL;
CREATE INDEX customers_bulk ON customers (due_at)
  WHERE revision <> accepted AND failure IS NULL AND run IS NOT NULL;
CREATE INDEX customers_failed ON customers (run) WHERE failure IS NOT NULL;
CREATE INDEX customers_unchecked ON customers (is_urgent, check_at) WHERE check_at IS NOT NULL;

-- What becomes of the alias profile of a contact that was linked after its alias profile had held its user id.
CREATE TABLE merges (
  channel text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL,
  -- Whom it is handed over to.
  external_id text COLLATE "C" NOT NULL,
  -- identify, look, rename; NULL: nothing is to be done.
  action text,
  -- It was handed over, or may have been: the alias may be the customer's.
  is_asked boolean NOT NULL DEFAULT false,
  -- merged, left, unknown; NULL: it is not known yet.
  outcome text,
  due_at bigint NOT NULL,
  tries integer NOT NULL DEFAULT 0,
  PRIMARY KEY (channel, user_id)
);

CREATE INDEX merges_due ON merges (action, due_at) WHERE action IS NOT NULL;

-- Contacts about whose profiles something has to be worked out, soon after the transaction that said so: each row is one such
-- transaction's, so that nobody waits for another. A process that ends in between leaves them to the others.
CREATE TABLE touched (
  channel text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  user_id text COLLATE "C" NOT NULL,
  -- Whether Braze was told of what the profile has lost, where it has.
  is_told boolean NOT NULL,
  PRIMARY KEY (channel, id)
);

-- A row for each channel with links, locked by whoever works out where user ids belong.
CREATE TABLE placements (
  channel text COLLATE "C" PRIMARY KEY
);

-- Counts of each channel, the sum over its shards: each statement adds to one of them, so that few wait for each other.
-- Customers count as pending, failed and waiting.
CREATE TABLE counts (
  channel text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  friend bigint NOT NULL,
  messager bigint NOT NULL,
  gone bigint NOT NULL,
  pending bigint NOT NULL,
  failed bigint NOT NULL,
  linked bigint NOT NULL,
  waiting bigint NOT NULL,
  PRIMARY KEY (channel, shard)
) WITH (fillfactor = 50);

-- A run tells Braze of many contacts at once: a backfill of LINE's follower list, or a resend.
CREATE SEQUENCE run_ids;
CREATE TABLE runs (
  id bigint PRIMARY KEY DEFAULT nextval('run_ids'),
  kind text NOT NULL,
  channel text COLLATE "C" NOT NULL,
  -- The account it is of, as far as it was known when it began.
  account text,
  -- One date for all that its list says: who is on it was a friend then, and a friend from before who is not was gone.
  as_of bigint NOT NULL,
  -- listing, clearing (the list is complete), complete, or abandoned
  state text NOT NULL,
  -- Where LINE's list goes on, and since when we know; NULL before the first page and after the last.
  cursor text,
  cursor_at bigint NOT NULL,
  -- Friends when it began.
  known bigint NOT NULL,
  pages bigint NOT NULL DEFAULT 0,
  listed bigint NOT NULL DEFAULT 0,
  -- Entries of the list that were no user ids.
  invalid bigint NOT NULL DEFAULT 0,
  -- Contacts that the list made, that it made reachable again, and that were missing from it.
  added bigint NOT NULL DEFAULT 0,
  returned bigint NOT NULL DEFAULT 0,
  gone bigint NOT NULL DEFAULT 0
);

CREATE INDEX runs_of_channel ON runs (channel, kind, id);

-- The bot's user id that a channel's webhooks name, its `destination`.
CREATE TABLE accounts (
  channel text COLLATE "C" PRIMARY KEY,
  destination text NOT NULL,
  -- A webhook said so, which LINE has signed; else so far only the token of a backfill.
  heard boolean NOT NULL
);

-- What is good for one link: the nonce of an account link, which says who is to be linked when LINE brings it back, and an
-- ID token that was used. Of either only a hash is kept.
CREATE TABLE nonces (
  hash text COLLATE "C" PRIMARY KEY,
  channel text COLLATE "C" NOT NULL,
  external_id text COLLATE "C" NOT NULL,
  expires_at bigint NOT NULL,
  -- Who was linked by it.
  user_id text COLLATE "C"
);

CREATE INDEX nonces_old ON nonces (expires_at);

CREATE TABLE leases (
  name text COLLATE "C" PRIMARY KEY,
  -- Empty: it was given back.
  holder text COLLATE "C" NOT NULL,
  -- Raised whenever somebody else takes it.
  term integer NOT NULL,
  expires_at bigint NOT NULL,
  -- Its holder closed the ledger and does nothing any more, without having given it back.
  has_ended boolean NOT NULL,
  -- Before this moment the next holder does nothing: what former holders did may go on having effects until then.
  quiet_until bigint NOT NULL
);

-- One row, rewritten by a probe: an empty transaction would not reach the disk.
CREATE TABLE probes (
  id integer PRIMARY KEY CHECK (id = 1),
  probed bigint NOT NULL
);

INSERT INTO probes (id, probed) VALUES (1, 0);
