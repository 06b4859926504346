-- A run tells Braze of many contacts at once: a backfill of LINE's follower list, or a resend.
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  channel TEXT NOT NULL,
  -- The account it is of, as far as it was known when it began.
  account TEXT,
  -- The moment before the first page was asked for. Nobody that the list names is dated earlier, so that a friend who
  -- is, and of whom no webhook has spoken since, was missing from it.
  started_at INTEGER NOT NULL,
  -- listing, clearing (the list is complete), complete, or abandoned
  state TEXT NOT NULL,
  -- Where LINE's list goes on, and since when we know; null before the first page and after the last.
  cursor TEXT,
  cursor_at INTEGER NOT NULL,
  -- Friends when it began.
  known INTEGER NOT NULL,
  pages INTEGER NOT NULL DEFAULT 0,
  listed INTEGER NOT NULL DEFAULT 0,
  -- Entries of the list that were no user ids.
  invalid INTEGER NOT NULL DEFAULT 0,
  -- Contacts that the list made, that it made reachable again, and that were missing from it.
  added INTEGER NOT NULL DEFAULT 0,
  returned INTEGER NOT NULL DEFAULT 0,
  gone INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX runs_of_channel ON runs (channel, kind);

-- The bot's user id that a channel's webhooks name, its `destination`.
CREATE TABLE accounts (
  channel TEXT PRIMARY KEY,
  destination TEXT NOT NULL,
  -- 1: a webhook said so, which LINE has signed. 0: so far only the token of a backfill.
  heard INTEGER NOT NULL
) STRICT;

-- The run that made the contact due for the last time; null where it was a webhook.
ALTER TABLE contacts ADD COLUMN run INTEGER;
ALTER TABLE contacts ADD COLUMN bulk INTEGER NOT NULL GENERATED ALWAYS AS (run IS NOT NULL) VIRTUAL;

-- News from webhooks goes to Braze before what runs brought, however much that is. What runs brought and Braze has not
-- heard of is counted from here, too: an index of its own would cost each of a million contacts twice.
DROP INDEX contacts_due;
CREATE INDEX contacts_due ON contacts (bulk, due_at) WHERE pending;

CREATE INDEX contacts_failed ON contacts (run) WHERE failure IS NOT NULL;
