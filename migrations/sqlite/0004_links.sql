-- A link is evidence, too: the newest says which customer a contact is. No external id and a moment: nobody's any more.
ALTER TABLE contacts ADD COLUMN external_id TEXT;
ALTER TABLE contacts ADD COLUMN linked_at INTEGER NOT NULL DEFAULT 0;
-- Whose profile should have the contact's user id, by the link that counts, and whose may have it now; NULL: its alias
-- profile. Where the two differ it is on the move: `customer` follows `target` once the one that loses it has lost it.
ALTER TABLE contacts ADD COLUMN target INTEGER;
ALTER TABLE contacts ADD COLUMN customer INTEGER;
-- Until when the alias profile waits, since the customer is being looked up: `due_at` is then this moment.
ALTER TABLE contacts ADD COLUMN check_until INTEGER;
-- Whether the alias profile should hold the user id. `revision`, `accepted` and the rest are of the alias profile.
ALTER TABLE contacts ADD COLUMN holds INTEGER NOT NULL GENERATED ALWAYS AS (
  status <> 'gone' AND customer IS NULL AND target IS NULL
) VIRTUAL;

-- Nobody who is not linked is in these.
CREATE INDEX contacts_linked ON contacts (channel, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX contacts_placed ON contacts (customer, linked_at, user_id) WHERE customer IS NOT NULL;
CREATE INDEX contacts_moving ON contacts (customer) WHERE customer IS NOT target;

-- A customer's profile in Braze, as far as one channel is concerned.
CREATE TABLE customers (
  id INTEGER PRIMARY KEY,
  channel TEXT NOT NULL,
  external_id TEXT NOT NULL,
  -- Braze has the customer, or is believed to: links to it count.
  is_known INTEGER NOT NULL DEFAULT 0,
  -- When Braze is to be asked for it (again), whether before those that only runs linked, and how often it was in vain.
  check_at INTEGER,
  is_urgent INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,
  -- The contact whose user id the profile should hold.
  contact INTEGER,
  -- As in contacts.
  revision INTEGER NOT NULL DEFAULT 0,
  accepted INTEGER NOT NULL DEFAULT 0,
  changed_at INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER NOT NULL DEFAULT 0,
  failure TEXT,
  run INTEGER,
  pending INTEGER NOT NULL GENERATED ALWAYS AS (revision <> accepted AND failure IS NULL) VIRTUAL,
  bulk INTEGER NOT NULL GENERATED ALWAYS AS (run IS NOT NULL) VIRTUAL,
  UNIQUE (channel, external_id)
) STRICT;

CREATE INDEX customers_due ON customers (bulk, due_at) WHERE pending;
CREATE INDEX customers_failed ON customers (run) WHERE failure IS NOT NULL;
CREATE INDEX customers_unchecked ON customers (is_urgent, check_at) WHERE check_at IS NOT NULL;

-- Contacts about whose profiles something has to be worked out; empty again at the end of each transaction.
CREATE TABLE touched (contact INTEGER PRIMARY KEY) STRICT;

CREATE TRIGGER contacts_touched AFTER UPDATE OF friend_at, messaged_at, gone_at ON contacts
WHEN old.status <> new.status AND (new.external_id IS NOT NULL OR new.customer IS NOT NULL)
BEGIN
  INSERT OR IGNORE INTO touched VALUES (new.id);
END;

-- What a user id waits for before it moves on.
CREATE TRIGGER contacts_cleared AFTER UPDATE OF accepted ON contacts
WHEN new.accepted = new.revision AND new.customer IS NOT new.target
BEGIN
  INSERT OR IGNORE INTO touched VALUES (new.id);
END;

CREATE TRIGGER customers_cleared AFTER UPDATE OF accepted ON customers
WHEN new.accepted = new.revision
BEGIN
  INSERT OR IGNORE INTO touched SELECT id FROM contacts WHERE customer = new.id AND customer IS NOT target;
END;

-- What becomes of the alias profile of a contact that was linked after its alias profile had held its user id.
CREATE TABLE merges (
  contact INTEGER PRIMARY KEY,
  -- Whom it is handed over to.
  external_id TEXT NOT NULL,
  -- identify, look, rename; NULL: nothing is to be done.
  action TEXT,
  -- It was handed over, or may have been: the alias may be the customer's.
  is_asked INTEGER NOT NULL DEFAULT 0,
  -- merged, left, unknown; NULL: it is not known yet.
  outcome TEXT,
  due_at INTEGER NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX merges_due ON merges (action, due_at) WHERE action IS NOT NULL;

-- What is good for one link: the nonce of an account link, which says who is to be linked when LINE brings it back, and an
-- ID token that was used. Of either only a hash is kept.
CREATE TABLE nonces (
  hash TEXT PRIMARY KEY,
  channel TEXT NOT NULL,
  external_id TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  -- Who was linked by it.
  user_id TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX nonces_old ON nonces (expires_at);

ALTER TABLE counts ADD COLUMN linked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE counts ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;

DROP TRIGGER contacts_inserted;
CREATE TRIGGER contacts_inserted AFTER INSERT ON contacts BEGIN
  INSERT INTO counts (channel, friend, messager, gone, pending, failed, linked)
  VALUES (
    new.channel, new.status = 'friend', new.status = 'messager', new.status = 'gone',
    new.pending, new.failure IS NOT NULL, new.external_id IS NOT NULL
  )
  ON CONFLICT (channel) DO UPDATE SET
    friend = friend + excluded.friend,
    messager = messager + excluded.messager,
    gone = gone + excluded.gone,
    pending = pending + excluded.pending,
    failed = failed + excluded.failed,
    linked = linked + excluded.linked;
END;

DROP TRIGGER contacts_updated;
CREATE TRIGGER contacts_updated AFTER UPDATE ON contacts
WHEN old.status <> new.status OR old.pending <> new.pending OR (old.failure IS NULL) <> (new.failure IS NULL)
  OR (old.external_id IS NULL) <> (new.external_id IS NULL)
BEGIN
  UPDATE counts SET
    friend = friend + (new.status = 'friend') - (old.status = 'friend'),
    messager = messager + (new.status = 'messager') - (old.status = 'messager'),
    gone = gone + (new.status = 'gone') - (old.status = 'gone'),
    pending = pending + new.pending - old.pending,
    failed = failed + (new.failure IS NOT NULL) - (old.failure IS NOT NULL),
    linked = linked + (new.external_id IS NOT NULL) - (old.external_id IS NOT NULL)
  WHERE channel = new.channel;
END;

-- A customer is made for a contact, so that there are counts of its channel.
CREATE TRIGGER customers_updated AFTER UPDATE ON customers
WHEN old.pending <> new.pending OR (old.failure IS NULL) <> (new.failure IS NULL)
  OR (old.check_at IS NOT NULL AND old.tries > 0) <> (new.check_at IS NOT NULL AND new.tries > 0)
BEGIN
  UPDATE counts SET
    pending = pending + new.pending - old.pending,
    failed = failed + (new.failure IS NOT NULL) - (old.failure IS NOT NULL),
    waiting = waiting + (new.check_at IS NOT NULL AND new.tries > 0) - (old.check_at IS NOT NULL AND old.tries > 0)
  WHERE channel = new.channel;
END;

-- Up to these ids an earlier holder of the lease may have sent something that it did not tell.
ALTER TABLE leases ADD COLUMN contacts_before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE leases ADD COLUMN customers_before INTEGER NOT NULL DEFAULT 0;
