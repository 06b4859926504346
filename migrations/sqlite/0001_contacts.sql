-- A contact is three moments (milliseconds since 1970, 0: never) and how far Braze has been told.
-- The table keeps its rowid: user ids are random, and without one every acknowledgement would touch another page.
CREATE TABLE contacts (
  id INTEGER PRIMARY KEY,
  channel TEXT NOT NULL,
  user_id TEXT NOT NULL,
  friend_at INTEGER NOT NULL,
  messaged_at INTEGER NOT NULL,
  gone_at INTEGER NOT NULL,
  -- Raised when what Braze should know changes, and the newest revision that Braze has accepted.
  revision INTEGER NOT NULL,
  accepted INTEGER NOT NULL,
  -- Since when it has been pending without a break.
  changed_at INTEGER NOT NULL,
  -- The next write to Braze must not leave earlier.
  due_at INTEGER NOT NULL,
  -- Why Braze refused the newest revision; cleared when reachability changes.
  failure TEXT,
  -- The rule of statusOf in src/contact, a tie is gone; test/ledger holds the two together.
  status TEXT NOT NULL GENERATED ALWAYS AS (
    CASE WHEN friend_at > gone_at THEN 'friend' WHEN messaged_at > gone_at THEN 'messager' ELSE 'gone' END
  ) VIRTUAL,
  pending INTEGER NOT NULL GENERATED ALWAYS AS (revision <> accepted AND failure IS NULL) VIRTUAL,
  UNIQUE (channel, user_id)
) STRICT;

CREATE INDEX contacts_due ON contacts (due_at) WHERE pending;

-- Kept true by the triggers below, so that asking costs the same at ten million contacts as at ten.
CREATE TABLE counts (
  channel TEXT PRIMARY KEY,
  friend INTEGER NOT NULL,
  messager INTEGER NOT NULL,
  gone INTEGER NOT NULL,
  pending INTEGER NOT NULL,
  failed INTEGER NOT NULL
) STRICT;

CREATE TRIGGER contacts_inserted AFTER INSERT ON contacts BEGIN
  INSERT INTO counts (channel, friend, messager, gone, pending, failed)
  VALUES (
    new.channel, new.status = 'friend', new.status = 'messager', new.status = 'gone',
    new.pending, new.failure IS NOT NULL
  )
  ON CONFLICT (channel) DO UPDATE SET
    friend = friend + excluded.friend,
    messager = messager + excluded.messager,
    gone = gone + excluded.gone,
    pending = pending + excluded.pending,
    failed = failed + excluded.failed;
END;

CREATE TRIGGER contacts_updated AFTER UPDATE ON contacts
WHEN old.status <> new.status OR old.pending <> new.pending OR (old.failure IS NULL) <> (new.failure IS NULL)
BEGIN
  UPDATE counts SET
    friend = friend + (new.status = 'friend') - (old.status = 'friend'),
    messager = messager + (new.status = 'messager') - (old.status = 'messager'),
    gone = gone + (new.status = 'gone') - (old.status = 'gone'),
    pending = pending + new.pending - old.pending,
    failed = failed + (new.failure IS NOT NULL) - (old.failure IS NOT NULL)
  WHERE channel = new.channel;
END;

CREATE TABLE leases (
  name TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

-- One row, rewritten by a probe: an empty transaction would not reach the disk.
CREATE TABLE probes (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  probed INTEGER NOT NULL
) STRICT;

INSERT INTO probes (id, probed) VALUES (1, 0);
