-- Why reachable people are more or fewer, counted since this ledger counts it: what the numbers of two moments differ by.
CREATE TABLE growth (
  channel TEXT PRIMARY KEY,
  -- Of new people: those that webhooks brought, and those that a follower list named.
  followed INTEGER NOT NULL DEFAULT 0,
  listed INTEGER NOT NULL DEFAULT 0,
  -- Those who had been gone, and those who went.
  returned INTEGER NOT NULL DEFAULT 0,
  blocked INTEGER NOT NULL DEFAULT 0,
  -- Those who only wrote, too long ago.
  lapsed INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The counts as they were at the end of each hour, for a month, and of each day, for two years.
CREATE TABLE series (
  channel TEXT NOT NULL,
  -- The beginning of the hour.
  at INTEGER NOT NULL,
  friend INTEGER NOT NULL,
  messager INTEGER NOT NULL,
  gone INTEGER NOT NULL,
  linked INTEGER NOT NULL,
  followed INTEGER NOT NULL,
  listed INTEGER NOT NULL,
  returned INTEGER NOT NULL,
  blocked INTEGER NOT NULL,
  lapsed INTEGER NOT NULL,
  PRIMARY KEY (channel, at)
) STRICT, WITHOUT ROWID;

-- Processes that serve, as they last said of themselves.
CREATE TABLE servers (
  id TEXT PRIMARY KEY,
  version TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  -- What it says of delivery in its health.
  state TEXT NOT NULL,
  reason TEXT
) STRICT;

-- When a webhook was last stored, and when Braze last accepted something, whichever server it was; 0: never.
CREATE TABLE activity (
  channel TEXT PRIMARY KEY,
  webhook_at INTEGER NOT NULL,
  delivered_at INTEGER NOT NULL
) STRICT;

-- NULL: before this was kept; ended_at also while it goes on.
ALTER TABLE runs ADD COLUMN began_at INTEGER;
ALTER TABLE runs ADD COLUMN ended_at INTEGER;
